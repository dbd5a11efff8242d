-- Photos of officers (docs/protocol.md, ADR 0016): what is known of each, the image apart, and uploads under way.

CREATE TABLE photo (
    id          uuid PRIMARY KEY,
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    device_id   text NOT NULL REFERENCES device,
    client_id   text NOT NULL,                   -- the device's own: a repetition changes nothing
    order_id    uuid NOT NULL REFERENCES dispatch_order,
    incident_id uuid NOT NULL REFERENCES incident,
    badge       text NOT NULL,                   -- who the device says took it; '' where it does not
    sha256      bytea NOT NULL,                  -- of the image as it came; '' once redacted
    size        integer NOT NULL CHECK (size > 0),
    type        text NOT NULL CHECK (type IN ('image/jpeg', 'image/png', 'image/webp')),
    width       integer NOT NULL CHECK (width > 0),
    height      integer NOT NULL CHECK (height > 0),
    taken_at    timestamptz,                     -- these by the officer's leave
    lon         double precision,
    lat         double precision,
    accuracy_m  double precision,
    received_at timestamptz NOT NULL,
    gone_at     timestamptz,                     -- the image is no more
    gone_why    text CHECK (gone_why IN ('redacted', 'retention')),
    UNIQUE (device_id, client_id),
    CHECK (num_nulls(lon, lat) IN (0, 2)),
    CHECK (num_nulls(gone_at, gone_why) IN (0, 2))
);
CREATE INDEX photo_by_incident ON photo (incident_id, number);
CREATE INDEX photo_by_order ON photo (order_id);
CREATE INDEX photo_by_device ON photo (device_id, received_at);
CREATE INDEX photo_kept ON photo (received_at) INCLUDE (size) WHERE gone_at IS NULL;

CREATE TABLE photo_image (
    photo_id uuid PRIMARY KEY REFERENCES photo,
    image    bytea NOT NULL,
    small    bytea NOT NULL                      -- a JPEG of our own making, to look through many
);
ALTER TABLE photo_image ALTER COLUMN image SET STORAGE EXTERNAL, ALTER COLUMN small SET STORAGE EXTERNAL;

CREATE TABLE photo_upload (
    device_id text NOT NULL REFERENCES device,
    client_id text NOT NULL,
    claim     jsonb NOT NULL,                    -- what the device says of it
    size      integer NOT NULL CHECK (size > 0),
    received  integer NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND size),
    last_at   timestamptz NOT NULL,
    PRIMARY KEY (device_id, client_id)
);
CREATE INDEX photo_upload_oldest ON photo_upload (last_at);
CREATE TABLE photo_part (
    device_id text NOT NULL,
    client_id text NOT NULL,
    at        integer NOT NULL,                  -- offset of its first byte
    bytes     bytea NOT NULL,
    PRIMARY KEY (device_id, client_id, at),
    FOREIGN KEY (device_id, client_id) REFERENCES photo_upload ON DELETE CASCADE
);

-- Nobody may change a photo or take one away but by the doors below.
GRANT SELECT, INSERT ON photo, photo_image TO ridgeline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON photo_upload TO ridgeline_app;
GRANT SELECT, INSERT ON photo_part TO ridgeline_app;

-- What is dropped of the entry that says a photo came goes from the photo, too; its number or its hash takes the image.
CREATE FUNCTION redact_photo(body jsonb, dropped text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    whole boolean := dropped && ARRAY['body.photo', 'body.sha256'];
    place boolean := dropped && ARRAY['body.lon', 'body.lat'];
    changed integer;
BEGIN
    IF whole THEN
        DELETE FROM public.photo_image WHERE photo_id::text = body->>'photo';
    END IF;
    UPDATE public.photo SET
        sha256 = CASE WHEN whole THEN '' ELSE sha256 END,
        gone_at = CASE WHEN whole THEN coalesce(gone_at, now()) ELSE gone_at END,
        gone_why = CASE WHEN whole THEN coalesce(gone_why, 'redacted') ELSE gone_why END,
        lon = CASE WHEN whole OR place THEN NULL ELSE lon END,
        lat = CASE WHEN whole OR place THEN NULL ELSE lat END,
        accuracy_m = CASE WHEN whole OR place THEN NULL ELSE accuracy_m END,
        taken_at = CASE WHEN whole OR 'body.taken_at' = ANY (dropped) THEN NULL ELSE taken_at END,
        badge = CASE WHEN 'body.by' = ANY (dropped) THEN '' ELSE badge END
    WHERE id::text = body->>'photo'
      AND (whole OR place OR dropped && ARRAY['body.taken_at', 'body.by']);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;
REVOKE ALL ON FUNCTION redact_photo(jsonb, text[]) FROM PUBLIC;

-- Images that came before a day, of incidents that are closed and not held; at most 500 at once, and says so in the log.
-- Returns how many went.
CREATE FUNCTION drop_photos(before_day date, who text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    due   uuid[];
    bytes bigint;
BEGIN
    IF before_day IS NULL OR before_day > (now() AT TIME ZONE 'UTC')::date - 6 THEN
        RAISE EXCEPTION 'photos of the last seven days are kept' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    due := ARRAY(
        SELECT photo.id FROM public.photo
        WHERE gone_at IS NULL AND received_at < before_day::timestamp AT TIME ZONE 'UTC'
          AND NOT EXISTS (SELECT FROM public.held_incident held WHERE held.id = photo.incident_id)
        ORDER BY received_at LIMIT 500);
    IF cardinality(due) = 0 THEN
        RETURN 0;
    END IF;
    SELECT sum(size) INTO bytes FROM public.photo WHERE id = ANY (due);
    DELETE FROM public.photo_image WHERE photo_id = ANY (due);
    UPDATE public.photo SET gone_at = now(), gone_why = 'retention', lon = NULL, lat = NULL, accuracy_m = NULL
    WHERE id = ANY (due);
    PERFORM public.journal_append(who, 'photos', 'photo.dropped', jsonb_build_object(
        'photos', cardinality(due), 'bytes', bytes, 'before', before_day));
    RETURN cardinality(due);
END $$;
REVOKE ALL ON FUNCTION drop_photos(date, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_photos(date, text) TO ridgeline_app;

-- As in 0040, and the photo of a `photo.stored` with it.
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
    IF entry.kind = 'photo.stored' THEN
        cleared := cleared + public.redact_photo(entry.body, dropped);
    END IF;
    PERFORM set_config('ridgeline.redacting', '', true);
    PERFORM public.journal_append(who, 'journal', 'journal.redacted', jsonb_build_object(
        'entry', entry_seq, 'fields', to_jsonb(dropped), 'reason', why, 'records', cleared));
END $$;
