-- Retention of positions (docs/audit.md): after a while made coarse and thinned, later dropped, and the log says so.

-- Days of history that are coarse.
CREATE TABLE position_coarse (
    day          date PRIMARY KEY,                 -- of receipt, as its partition
    coarsened_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON position_coarse TO ridgeline_app;

-- The application may neither change positions nor drop tables; these are the only ways. Each says in the log what it
-- has done in the same transaction, and touches nothing of the last seven days, whoever asks.

-- One day: of each device one fix a quarter of an hour, on a grid of 0.01° (some 1 km), without speed and heading.
-- TRUNCATE takes the exact ones off the disk with the commit.
CREATE FUNCTION coarsen_positions(of_day date, who text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    partition text := 'position_' || to_char(of_day, 'YYYYMMDD');
    before    bigint;
    after     bigint;
BEGIN
    IF of_day IS NULL OR of_day > (now() AT TIME ZONE 'UTC')::date - 7 THEN
        RAISE EXCEPTION 'positions of the last seven days are kept' USING ERRCODE = 'invalid_parameter_value';
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

-- The oldest days before one, at most thirty at once; returns how many went.
CREATE FUNCTION drop_positions(before_day date, who text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '5s' AS $$
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
        WHERE day < before_day ORDER BY day LIMIT 30);
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

REVOKE ALL ON FUNCTION coarsen_positions(date, text), drop_positions(date, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION coarsen_positions(date, text), drop_positions(date, text) TO ridgeline_app;
