-- Redaction (docs/audit.md): the value and the salt of a field go, its commitment stays, and every proof holds.

-- Only who owns the table, and only inside the door below: the application can set the setting, and owns nothing.
CREATE FUNCTION refuse_all_but_redaction() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('ridgeline.redacting', true) = 'on' AND pg_has_role(
        current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

DROP TRIGGER journal_entry_append_only ON journal_entry;
DROP TRIGGER journal_leaf_append_only ON journal_leaf;
CREATE TRIGGER journal_entry_append_only BEFORE DELETE OR TRUNCATE ON journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_leaf_append_only BEFORE DELETE OR TRUNCATE ON journal_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_entry_redacted_only BEFORE UPDATE ON journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_all_but_redaction();
CREATE TRIGGER journal_leaf_redacted_only BEFORE UPDATE ON journal_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_all_but_redaction();

-- The only way: drops the fields and says so in the log. `commitments` are of all fields of the entry; the leaf's
-- hash is computed from them (server/journal/leaf.py), so none of them can be false.
CREATE FUNCTION journal_redact(
    entry_seq bigint, dropped text[], names text[], commitments bytea[], who text, why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    leaf  public.journal_leaf;
    entry public.journal_entry;
    there text[];
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
    PERFORM set_config('ridgeline.redacting', '', true);
    PERFORM public.journal_append(who, 'journal', 'journal.redacted', jsonb_build_object(
        'entry', entry_seq, 'fields', to_jsonb(dropped), 'reason', why));
END $$;

REVOKE ALL ON FUNCTION journal_redact(bigint, text[], text[], bytea[], text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_redact(bigint, text[], text[], bytea[], text, text) TO ridgeline_app;
