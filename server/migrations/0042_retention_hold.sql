-- What is still looked into is kept (docs/audit.md): days with an incident that is open, or held for its review, are
-- neither made coarse nor dropped; and who waits for a day's table lets the others by.

CREATE TABLE retention_hold (
    id          uuid PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES incident,
    why         text NOT NULL CHECK (length(why) BETWEEN 1 AND 500),
    held_by     text NOT NULL,
    held_at     timestamptz NOT NULL,
    ended_why   text,
    ended_by    text,
    ended_at    timestamptz,
    CHECK (num_nulls(ended_why, ended_by, ended_at) IN (0, 3))
);
CREATE UNIQUE INDEX retention_hold_once ON retention_hold (incident_id) WHERE ended_at IS NULL;
GRANT SELECT, INSERT ON retention_hold TO ridgeline_app;
GRANT UPDATE (ended_why, ended_by, ended_at) ON retention_hold TO ridgeline_app;

-- Incidents whose days are kept: as far before and after as reviews look (server/stores/tracks.py), where devices had no
-- signal. Of one that was left open a month, or everybody's days would be kept for it.
CREATE VIEW held_incident AS
SELECT incident.id, incident.number, opened_at, closed_at, hold.why, hold.held_by, hold.held_at,
       (opened_at AT TIME ZONE 'UTC')::date - 1 AS first_day,
       (least(coalesce(closed_at, now()), opened_at + interval '31 days') AT TIME ZONE 'UTC')::date + 7 AS last_day
FROM incident LEFT JOIN retention_hold hold ON hold.incident_id = incident.id AND hold.ended_at IS NULL
WHERE status <> 'closed' OR hold.id IS NOT NULL;
GRANT SELECT ON held_incident TO ridgeline_app;

-- As in 0036, but no day that is held.
CREATE OR REPLACE FUNCTION coarsen_positions(of_day date, who text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '250ms' AS $$
DECLARE
    partition text := 'position_' || to_char(of_day, 'YYYYMMDD');
    before    bigint;
    after     bigint;
BEGIN
    IF of_day IS NULL OR of_day > (now() AT TIME ZONE 'UTC')::date - 7 THEN
        RAISE EXCEPTION 'positions of the last seven days are kept' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM public.held_incident WHERE of_day BETWEEN first_day AND last_day) THEN
        RAISE EXCEPTION 'positions of that day are held for an incident' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO public.position_coarse (day) VALUES (of_day);
    EXECUTE format('LOCK TABLE public.%I IN SHARE ROW EXCLUSIVE MODE', partition);
    EXECUTE format('SELECT count(*) FROM public.%I', partition) INTO before;
    EXECUTE format(
        'CREATE TEMP TABLE coarse_fix ON COMMIT DROP AS
         SELECT DISTINCT ON (device_id, floor(extract(epoch FROM observed_at) / 900))
             device_id, observed_at, received_at, round(lon::numeric, 2)::float8 AS lon, round(lat::numeric, 2)::float8 AS lat,
             greatest(coalesce(accuracy_m, 0), 800)::real AS accuracy_m, NULL::real AS speed_mps, NULL::real AS heading_deg,
             battery_pct, charging, mode
         FROM public.%I ORDER BY device_id, floor(extract(epoch FROM observed_at) / 900), observed_at', partition);
    EXECUTE format('TRUNCATE public.%I', partition);
    EXECUTE format('INSERT INTO public.%I SELECT * FROM pg_temp.coarse_fix', partition);
    GET DIAGNOSTICS after = ROW_COUNT;
    DROP TABLE pg_temp.coarse_fix;
    PERFORM public.journal_append(who, 'positions', 'retention.run', jsonb_build_object(
        'retention', 'coarsened', 'first_day', of_day, 'last_day', of_day, 'days', 1, 'fixes', before, 'kept', after));
END $$;

CREATE OR REPLACE FUNCTION drop_positions(before_day date, who text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '250ms' AS $$
DECLARE
    days  date[];
    each  date;
    here  bigint;
    fixes bigint := 0;
BEGIN
    IF before_day IS NULL OR before_day > (now() AT TIME ZONE 'UTC')::date - 6 THEN
        RAISE EXCEPTION 'positions of the last seven days are kept' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    days := ARRAY(
        SELECT day FROM (
            SELECT to_date(substr(relname, 10), 'YYYYMMDD') AS day FROM pg_inherits
            JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'public.position'::regclass) partition
        WHERE day < before_day
          AND NOT EXISTS (SELECT FROM public.held_incident WHERE day BETWEEN first_day AND last_day)
        ORDER BY day LIMIT 30);
    IF cardinality(days) = 0 THEN
        RETURN 0;
    END IF;
    FOREACH each IN ARRAY days LOOP
        EXECUTE format('SELECT count(*) FROM public.%I', 'position_' || to_char(each, 'YYYYMMDD')) INTO here;
        fixes := fixes + here;
    END LOOP;
    FOREACH each IN ARRAY days LOOP
        EXECUTE format('DROP TABLE public.%I', 'position_' || to_char(each, 'YYYYMMDD'));
    END LOOP;
    DELETE FROM public.position_coarse WHERE day = ANY (days);
    PERFORM public.journal_append(who, 'positions', 'retention.run', jsonb_build_object(
        'retention', 'dropped', 'first_day', days[1], 'last_day', days[cardinality(days)],
        'days', cardinality(days), 'fixes', fixes, 'kept', 0));
    RETURN cardinality(days);
END $$;
