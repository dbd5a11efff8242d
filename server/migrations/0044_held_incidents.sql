-- The few incidents whose days are kept, found without reading all that ever were.

CREATE OR REPLACE VIEW held_incident AS
SELECT incident.id, incident.number, opened_at, closed_at, hold.why, hold.held_by, hold.held_at,
       (opened_at AT TIME ZONE 'UTC')::date - 1 AS first_day,
       (least(coalesce(closed_at, now()), opened_at + interval '31 days') AT TIME ZONE 'UTC')::date + 7 AS last_day
FROM incident LEFT JOIN retention_hold hold ON hold.incident_id = incident.id AND hold.ended_at IS NULL
WHERE incident.id IN (
    SELECT id FROM incident WHERE status <> 'closed'
    UNION SELECT incident_id FROM retention_hold WHERE ended_at IS NULL);

-- Days that have a partition. CASE, for the filter on the parent need not come first, and other tables have other names.
CREATE VIEW position_day AS
SELECT CASE WHEN relname ~ '^position_[0-9]{8}$' THEN to_date(substr(relname, 10), 'YYYYMMDD') END AS day
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'public.position'::regclass;
GRANT SELECT ON position_day TO ridgeline_app;

-- As in 0042.
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
        SELECT day FROM public.position_day
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
