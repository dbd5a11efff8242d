-- Roads closed or slowed, and the conditions on them: set by a dispatcher, ended by one or by the clock.
--
-- Rows are history: they are written once, and only their beginning and their end are filled in. The
-- application may neither delete them nor change what was set.

CREATE TABLE road_state (
    id         uuid PRIMARY KEY,
    number     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    request_id text NOT NULL UNIQUE,         -- asking twice closes one road
    state      text NOT NULL CHECK (state IN ('closed', 'slow')),
    factor     double precision,             -- on the travel time; of a slow road alone
    extent     jsonb NOT NULL,               -- edges, a road between kilometres, or a polygon
    map_id     text NOT NULL,                -- of the map whose edges are numbered in extent
    place      text NOT NULL,                -- as a person would say it
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL,
    starts_at  timestamptz NOT NULL,
    expires_at timestamptz CHECK (expires_at > starts_at),
    begun_at   timestamptz,                  -- noted when it came into force
    ended_at   timestamptz,
    ended_by   text,                         -- system: it expired
    end_reason text NOT NULL DEFAULT '',
    CHECK ((state = 'slow') = (factor IS NOT NULL)),
    CHECK (factor BETWEEN 1 AND 100),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX road_state_running ON road_state (starts_at) WHERE ended_at IS NULL;

CREATE TABLE road_condition (
    id         uuid PRIMARY KEY,
    number     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    request_id text NOT NULL UNIQUE,
    condition  text NOT NULL CHECK (length(condition) BETWEEN 1 AND 100),  -- canonical: rain,night
    extent     jsonb,                        -- a polygon; NULL: the whole county
    place      text NOT NULL,
    reason     text NOT NULL DEFAULT '' CHECK (length(reason) <= 500),
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL,
    starts_at  timestamptz NOT NULL,
    expires_at timestamptz CHECK (expires_at > starts_at),
    begun_at   timestamptz,
    ended_at   timestamptz,
    ended_by   text,
    end_reason text NOT NULL DEFAULT '',
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX road_condition_running ON road_condition (starts_at) WHERE ended_at IS NULL;

-- One number for both: it grows with every change, in the transaction of the change.
CREATE TABLE road_state_version (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    version bigint NOT NULL
);
INSERT INTO road_state_version (version) VALUES (0);

GRANT SELECT, INSERT ON road_state, road_condition TO ridgeline_app;
GRANT UPDATE (begun_at, ended_at, ended_by, end_reason) ON road_state, road_condition TO ridgeline_app;
GRANT SELECT ON road_state_version TO ridgeline_app;
GRANT UPDATE (version) ON road_state_version TO ridgeline_app;
