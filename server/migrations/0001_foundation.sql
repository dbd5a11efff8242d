-- The whole of the first form: people, units, devices, the downlink log, incidents, orders, the command log.
--
-- Two roles: the owner runs migrations; the application connects as ridgeline_app, which owns nothing,
-- creates nothing, and can neither change nor delete what is history (position, order_event, journal_entry).

-- People ------------------------------------------------------------------------------

CREATE TABLE officer (
    id         uuid PRIMARY KEY,
    badge      text NOT NULL UNIQUE CHECK (badge ~ '^[A-Za-z0-9-]{1,32}$'),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 80)
);

CREATE TABLE app_user (
    id                   uuid PRIMARY KEY,
    username             text NOT NULL UNIQUE CHECK (username ~ '^[a-z0-9._-]{2,32}$'),
    display_name         text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 80),
    password_hash        text NOT NULL,
    must_change_password boolean NOT NULL DEFAULT false,
    roles                text[] NOT NULL
        CHECK (roles <@ ARRAY['dispatcher', 'officer', 'supervisor', 'admin'] AND cardinality(roles) > 0),
    officer_id           uuid REFERENCES officer,
    created_at           timestamptz NOT NULL DEFAULT now(),
    disabled_at          timestamptz
);

CREATE TABLE user_session (
    token_hash   bytea PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    address      text NOT NULL DEFAULT ''
);
CREATE INDEX user_session_by_user ON user_session (user_id);
CREATE INDEX user_session_by_expiry ON user_session (expires_at);

-- Field -------------------------------------------------------------------------------

CREATE TABLE station (
    id   uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    lon  double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    lat  double precision NOT NULL CHECK (lat BETWEEN -90 AND 90)
);

CREATE TABLE unit (
    id         uuid PRIMARY KEY,
    call_sign  text NOT NULL UNIQUE CHECK (length(call_sign) BETWEEN 1 AND 32),
    kind       text NOT NULL CHECK (kind IN ('patrol_car', 'off_road', 'motorcycle', 'foot')),
    station_id uuid REFERENCES station,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);

CREATE TABLE unit_officer (
    officer_id uuid PRIMARY KEY REFERENCES officer, -- an officer is in one unit at a time
    unit_id    uuid NOT NULL REFERENCES unit
);
CREATE INDEX unit_officer_by_unit ON unit_officer (unit_id);

CREATE TABLE shift (
    id      uuid PRIMARY KEY,
    unit_id uuid NOT NULL REFERENCES unit,
    on_at   timestamptz NOT NULL,
    off_at  timestamptz CHECK (off_at >= on_at)
);
CREATE UNIQUE INDEX shift_open_once ON shift (unit_id) WHERE off_at IS NULL;

CREATE TABLE device (
    id          text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9._-]{1,64}$'),
    kind        text NOT NULL CHECK (kind IN ('body_camera', 'handset', 'vehicle')),
    model       text NOT NULL DEFAULT '',
    unit_id     uuid REFERENCES unit,
    token_hash  bytea,                       -- SHA-256 of a 256-bit random token; NULL: not enrolled
    epoch       text NOT NULL,               -- of the downlink log; new when the log may have lost its tail
    head_seq    bigint NOT NULL DEFAULT 0,   -- last seq given out in the downlink log
    created_at  timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz
);
CREATE INDEX device_by_unit ON device (unit_id);

CREATE TABLE installation (
    device_id    text NOT NULL REFERENCES device ON DELETE CASCADE,
    install_id   text NOT NULL CHECK (length(install_id) BETWEEN 1 AND 64),
    up_seq       bigint NOT NULL DEFAULT 0,  -- last uplink record stored
    cursor_seq   bigint NOT NULL DEFAULT 0,  -- last downlink seq the client says it stored
    app          text NOT NULL DEFAULT '',
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, install_id)
);

-- One row per device, so that losing Valkey loses nothing.
CREATE TABLE last_position (
    device_id   text PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    observed_at timestamptz NOT NULL,        -- the device's claim
    received_at timestamptz NOT NULL,        -- ours
    lon         double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    lat         double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    accuracy_m  real,
    speed_mps   real,
    heading_deg real,
    battery_pct smallint CHECK (battery_pct BETWEEN 0 AND 100),
    charging    boolean NOT NULL DEFAULT false,
    mode        text NOT NULL DEFAULT ''
);

-- History. Partitioned by the day we received it: a backlog of last week still has a partition today.
CREATE TABLE position (
    device_id   text NOT NULL,
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    lon         double precision NOT NULL,
    lat         double precision NOT NULL,
    accuracy_m  real,
    speed_mps   real,
    heading_deg real,
    battery_pct smallint,
    charging    boolean NOT NULL,
    mode        text NOT NULL
) PARTITION BY RANGE (received_at);
CREATE INDEX position_by_device ON position (device_id, observed_at);
CREATE INDEX position_by_time ON position USING brin (received_at);

-- The application may not create tables; this is the one door, for one kind of table.
CREATE FUNCTION ensure_position_partition(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    partition text := 'position_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF day < current_date - 1 OR day > current_date + 7 THEN
        RAISE EXCEPTION 'no position partition for %: only from yesterday to a week ahead', day;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('position_partition'));
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.position FOR VALUES FROM (%L) TO (%L)',
        partition, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
END $$;

-- Incidents, decisions, orders ----------------------------------------------------------

CREATE TABLE incident (
    id          uuid PRIMARY KEY,
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    request_id  text UNIQUE,                 -- the client's id of its request: asking twice opens one
    type        text NOT NULL,
    priority    text NOT NULL CHECK (priority IN ('routine', 'priority', 'emergency')),
    note        text NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    place       text NOT NULL,               -- as a person would say it
    lon         double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    lat         double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'assigned', 'closed')),
    opened_by   text NOT NULL,
    opened_at   timestamptz NOT NULL,
    closed_by   text,
    closed_at   timestamptz,
    outcome     text NOT NULL DEFAULT ''
);
CREATE INDEX incident_open ON incident (opened_at) WHERE status <> 'closed';

CREATE TABLE recommendation (
    id          uuid PRIMARY KEY,
    incident_id uuid NOT NULL REFERENCES incident,
    computed_at timestamptz NOT NULL,
    computed_by text NOT NULL,
    body        jsonb NOT NULL               -- every candidate and every excluded unit, with reasons
);
CREATE INDEX recommendation_by_incident ON recommendation (incident_id, computed_at);

CREATE TABLE decision (
    id                uuid PRIMARY KEY,
    request_id        text UNIQUE,
    incident_id       uuid NOT NULL REFERENCES incident,
    recommendation_id uuid NOT NULL REFERENCES recommendation,
    unit_ids          uuid[] NOT NULL CHECK (cardinality(unit_ids) BETWEEN 1 AND 20),
    reason            text NOT NULL DEFAULT '',
    decided_by        text NOT NULL,
    decided_at        timestamptz NOT NULL
);

CREATE TABLE dispatch_order (
    id          uuid PRIMARY KEY,
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    incident_id uuid NOT NULL REFERENCES incident,
    decision_id uuid NOT NULL REFERENCES decision,
    unit_id     uuid NOT NULL REFERENCES unit,
    state       text NOT NULL CHECK (state IN (
        'issued', 'delivered', 'shown', 'accepted', 'unable',
        'en_route', 'on_scene', 'feedback', 'done', 'cancelled')),
    ver         integer NOT NULL DEFAULT 1,  -- compare-and-set
    eta_s       double precision,            -- as recommended, for the review afterwards
    instruction text NOT NULL DEFAULT '',
    issued_by   text NOT NULL,
    issued_at   timestamptz NOT NULL,
    state_at    timestamptz NOT NULL,
    closed_at   timestamptz                  -- set with unable, done, cancelled
);
CREATE UNIQUE INDEX dispatch_order_one_open ON dispatch_order (unit_id) WHERE closed_at IS NULL;
CREATE INDEX dispatch_order_by_incident ON dispatch_order (incident_id);

CREATE TABLE order_event (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id  uuid NOT NULL REFERENCES dispatch_order,
    ver       integer NOT NULL,              -- of the order after this event
    state     text NOT NULL,                 -- what was reported
    applied   boolean NOT NULL,              -- false: came late or was not allowed; history only
    actor     text NOT NULL,                 -- user:…, officer:…, device:…, system
    device_id text,                          -- the path it came by
    device_at timestamptz,
    server_at timestamptz NOT NULL,
    lon       double precision,
    lat       double precision,
    reason    text NOT NULL DEFAULT '',
    note      text NOT NULL DEFAULT ''
);
CREATE INDEX order_event_by_order ON order_event (order_id, id);

-- The downlink log: dense seq per device, written in the transaction that decides.
CREATE TABLE command (
    id         uuid PRIMARY KEY,
    device_id  text NOT NULL REFERENCES device,
    seq        bigint NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('task', 'notice')),
    priority   text NOT NULL CHECK (priority IN ('routine', 'priority', 'emergency')),
    body       jsonb NOT NULL,
    order_id   uuid REFERENCES dispatch_order,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    sent_at    timestamptz,                  -- first time a frame was written
    UNIQUE (device_id, seq)
);
CREATE INDEX command_by_order ON command (order_id);

-- The command log -------------------------------------------------------------------------

CREATE TABLE journal_entry (
    seq     bigint PRIMARY KEY,              -- dense, in commit order
    at      timestamptz NOT NULL,
    actor   text NOT NULL,
    subject text NOT NULL,
    kind    text NOT NULL,
    body    jsonb NOT NULL
);
CREATE INDEX journal_entry_by_subject ON journal_entry (subject, seq);
CREATE INDEX journal_entry_by_actor ON journal_entry (actor, seq);
CREATE INDEX journal_entry_by_kind ON journal_entry (kind, seq);
CREATE INDEX journal_entry_by_time ON journal_entry (at);

-- The only way in. Holding the lock until commit makes seq dense and equal to commit order.
CREATE FUNCTION journal_append(entry_actor text, entry_subject text, entry_kind text, entry_body jsonb)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    next_seq bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('journal'));
    SELECT coalesce(max(seq), 0) + 1 INTO next_seq FROM public.journal_entry;
    INSERT INTO public.journal_entry (seq, at, actor, subject, kind, body)
    VALUES (next_seq, clock_timestamp(), entry_actor, entry_subject, entry_kind, entry_body);
    RETURN next_seq;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER journal_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER order_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Rights ------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION ensure_position_partition(date), journal_append(text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_position_partition(date), journal_append(text, text, text, jsonb)
    TO ridgeline_app;
GRANT USAGE ON SCHEMA public TO ridgeline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    officer, app_user, user_session, station, unit, unit_officer, shift, device, installation,
    last_position, incident, dispatch_order, command
    TO ridgeline_app;
GRANT SELECT, INSERT ON recommendation, decision, order_event, position TO ridgeline_app;
GRANT SELECT ON journal_entry TO ridgeline_app;
