-- Who works on an incident, as all consoles show it: one person, until he lets go, his last session ends or the
-- incident is closed. No lock: whoever must, sends a unit all the same (docs/dispatch.md).

ALTER TABLE incident
    ADD COLUMN claimed_by   text,
    ADD COLUMN claimed_at   timestamptz,
    ADD COLUMN claim_reason text NOT NULL DEFAULT '',
    ADD CONSTRAINT incident_claim_whole CHECK ((claimed_by IS NULL) = (claimed_at IS NULL));

CREATE INDEX incident_claimed ON incident (claimed_by) WHERE claimed_by IS NOT NULL;

-- As in 0040; the reason of a takeover is a text that somebody wrote, too.
CREATE OR REPLACE FUNCTION redact_records(subject text, body jsonb, dropped text[]) RETURNS integer
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
            outcome = CASE WHEN key = 'outcome' AND outcome = said THEN '' ELSE outcome END,
            claim_reason = CASE WHEN key = 'reason' AND claim_reason = said THEN '' ELSE claim_reason END
        WHERE id = ANY (incidents)
          AND said = CASE key WHEN 'note' THEN note WHEN 'place' THEN place WHEN 'outcome' THEN outcome
                              WHEN 'reason' THEN claim_reason END;
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
