-- A redaction reaches the records, too (docs/audit.md): a text that somebody wrote stands in the log, and in the rows
-- that the log tells of. Both are cleared in one step, by the one door.

DROP TRIGGER order_event_append_only ON order_event;
CREATE TRIGGER order_event_append_only BEFORE DELETE OR TRUNCATE ON order_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER order_event_redacted_only BEFORE UPDATE ON order_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_all_but_redaction();

-- The same text under one of these keys, wherever it stands in a body.
CREATE FUNCTION without_text(body jsonb, keys text[], said text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    key   text;
    whole text := body::text;
BEGIN
    FOREACH key IN ARRAY keys LOOP
        whole := replace(whole, to_json(key) || ': ' || to_json(said), to_json(key) || ': ""');
    END LOOP;
    RETURN whole::jsonb;
END $$;

-- Of an entry's dropped fields those that people write: cleared in the records of its incident, and of its own subject.
-- Returns in how many rows. Nobody may call it but the door below.
CREATE FUNCTION redact_records(subject text, body jsonb, dropped text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    own       text := split_part(subject, ':', 2);
    what      text := split_part(subject, ':', 1);
    key       text;
    said      text;
    keys      text[];
    incidents uuid[];
    orders    uuid[];
    changed   integer;
    cleared   integer := 0;
BEGIN
    incidents := ARRAY(
        SELECT id FROM public.incident
        WHERE what = 'incident' AND id::text = own OR id::text = body->>'incident'
        UNION SELECT incident_id FROM public.dispatch_order WHERE what = 'order' AND id::text = own
        UNION SELECT incident_id FROM public.sos_call WHERE what = 'sos' AND id::text = own);
    orders := ARRAY(SELECT id FROM public.dispatch_order WHERE incident_id = ANY (incidents));
    FOR key, said IN
        SELECT field.key, field.value #>> '{}' FROM jsonb_each(body) AS field
        WHERE 'body.' || field.key = ANY (dropped) AND jsonb_typeof(field.value) = 'string'
          AND field.key IN ('note', 'place', 'outcome', 'reason', 'instruction', 'text') AND field.value <> '""'
    LOOP
        keys := ARRAY[key, 'text'];
        UPDATE public.incident SET
            note = CASE WHEN key = 'note' AND note = said THEN '' ELSE note END,
            place = CASE WHEN key = 'place' AND place = said THEN '' ELSE place END,
            outcome = CASE WHEN key = 'outcome' AND outcome = said THEN '' ELSE outcome END
        WHERE id = ANY (incidents)
          AND said = CASE key WHEN 'note' THEN note WHEN 'place' THEN place WHEN 'outcome' THEN outcome END;
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.decision SET reason = '' WHERE incident_id = ANY (incidents) AND key = 'reason' AND reason = said;
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.dispatch_order SET
            instruction = CASE WHEN key = 'instruction' AND instruction = said THEN '' ELSE instruction END,
            recall_reason = CASE WHEN key = 'reason' AND recall_reason = said THEN '' ELSE recall_reason END
        WHERE id = ANY (orders) AND said = CASE key WHEN 'instruction' THEN instruction WHEN 'reason' THEN recall_reason END;
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.order_event SET
            note = CASE WHEN key = 'note' AND note = said THEN '' ELSE note END,
            reason = CASE WHEN key = 'reason' AND reason = said THEN '' ELSE reason END
        WHERE order_id = ANY (orders) AND said = CASE key WHEN 'note' THEN note WHEN 'reason' THEN reason END;
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.escalation SET leader_reason = ''
        WHERE order_id = ANY (orders) AND key = 'reason' AND leader_reason = said;
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.mitigation SET reason = '' WHERE order_id = ANY (orders) AND key = 'reason' AND reason = said;
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.sos_call SET
            note = CASE WHEN note = said THEN '' ELSE note END,
            withdrawn_note = CASE WHEN withdrawn_note = said THEN '' ELSE withdrawn_note END
        WHERE (incident_id = ANY (incidents) OR what = 'sos' AND id::text = own)
          AND key = 'note' AND said IN (note, withdrawn_note);
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.intake SET
            text = CASE WHEN key IN ('note', 'text') AND text = said THEN '' ELSE text END,
            place = CASE WHEN key = 'place' AND place = said THEN '' ELSE place END
        WHERE (incident_id = ANY (incidents) OR what = 'intake' AND id::text = own)
          AND said = CASE key WHEN 'note' THEN text WHEN 'text' THEN text WHEN 'place' THEN place END;
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.reminder SET text = '-' WHERE what = 'reminder' AND id::text = own AND key = 'text' AND text = said;
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.handover SET note = '' WHERE what = 'handover' AND id::text = own AND key = 'note' AND note = said;
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.command SET body = public.without_text(command.body, keys, said)
        WHERE order_id = ANY (orders) AND command.body <> public.without_text(command.body, keys, said);
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
        UPDATE public.work_item SET body = public.without_text(work_item.body, keys, said)
        WHERE (incident_id = ANY (incidents) OR order_id = ANY (orders) OR work_item.subject = redact_records.subject)
          AND work_item.body <> public.without_text(work_item.body, keys, said);
        GET DIAGNOSTICS changed = ROW_COUNT;
        cleared := cleared + changed;
    END LOOP;
    RETURN cleared;
END $$;
REVOKE ALL ON FUNCTION redact_records(text, jsonb, text[]) FROM PUBLIC;

-- As in 0034, and the records with it; what a recommendation is proved by stays.
CREATE OR REPLACE FUNCTION journal_redact(
    entry_seq bigint, dropped text[], names text[], commitments bytea[], who text, why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    leaf  public.journal_leaf;
    entry public.journal_entry;
    there text[];
    cleared integer;
BEGIN
    SELECT * INTO leaf FROM public.journal_leaf WHERE seq = entry_seq FOR UPDATE;
    SELECT * INTO entry FROM public.journal_entry WHERE id = leaf.entry_id FOR UPDATE;
    IF entry.id IS NULL THEN
        RAISE EXCEPTION 'there is no entry %', entry_seq USING ERRCODE = 'no_data_found';
    END IF;
    there := ARRAY(
        SELECT name FROM (
            SELECT unnest(ARRAY['actor', 'kind', 'subject']) AS name
            UNION ALL SELECT 'body.' || jsonb_object_keys(entry.body)) field
        WHERE NOT leaf.redacted ? name ORDER BY name COLLATE "C");
    IF entry.kind IN ('journal.redacted', 'journal.key_changed', 'journal.adopted')
        OR entry.kind = 'recommendation.computed' AND dropped && ARRAY[
            'subject', 'body.recommendation', 'body.record_sha256', 'body.answer_sha256']
        OR NOT dropped <@ there OR 'kind' = ANY (dropped) OR cardinality(dropped) = 0
        OR coalesce(btrim(who), '') = '' OR coalesce(btrim(why), '') = '' THEN
        RAISE EXCEPTION 'that is not to be redacted' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF leaf.hash IS DISTINCT FROM (
        SELECT sha256(decode('00', 'hex') || convert_to(
            'ridgeline entry v1' || E'\n' || entry.id || E'\n'
            || to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || E'\n'
            || string_agg(to_json(name)::text || ' ' || encode(each, 'base64') || E'\n', ''
                          ORDER BY name COLLATE "C"), 'UTF8'))
        FROM unnest(names, commitments) AS field (name, each)) THEN
        RAISE EXCEPTION 'the commitments are not those of entry %', entry_seq USING ERRCODE = 'data_corrupted';
    END IF;
    PERFORM set_config('ridgeline.redacting', 'on', true);
    UPDATE public.journal_entry SET
        actor = CASE WHEN 'actor' = ANY (dropped) THEN '' ELSE actor END,
        subject = CASE WHEN 'subject' = ANY (dropped) THEN '' ELSE subject END,
        body = body - ARRAY(SELECT substr(name, 6) FROM unnest(dropped) AS name WHERE starts_with(name, 'body.'))
    WHERE id = entry.id;
    UPDATE public.journal_leaf SET
        salts = (
            SELECT string_agg(substr(leaf.salts, 16 * place::integer - 15, 16), '' ORDER BY place)
            FROM unnest(there) WITH ORDINALITY AS kept (name, place) WHERE name <> ALL (dropped)),
        redacted = redacted || (
            SELECT jsonb_object_agg(name, encode(each, 'hex'))
            FROM unnest(names, commitments) AS field (name, each) WHERE name = ANY (dropped))
    WHERE seq = entry_seq;
    cleared := public.redact_records(entry.subject, entry.body, dropped);
    PERFORM set_config('ridgeline.redacting', '', true);
    PERFORM public.journal_append(who, 'journal', 'journal.redacted', jsonb_build_object(
        'entry', entry_seq, 'fields', to_jsonb(dropped), 'reason', why, 'records', cleared));
END $$;
