-- Where radio ends: what drives said of it, versions learned from that, which is in force, what people said of zones,
-- and how long units were silent in one.
--
-- Pieces of road are cut and numbered as geo/radio/pieces.py does for one map and one length of pieces.

CREATE TABLE radio_drive (
    trip_id  uuid PRIMARY KEY REFERENCES matched_trip ON DELETE CASCADE,
    map_id   text NOT NULL,
    piece_m  real NOT NULL,
    ended_at timestamptz NOT NULL,
    piece    integer[] NOT NULL,             -- 2p: piece p towards the head of its edge; 2p + 1: back
    silent   boolean[] NOT NULL
);
CREATE INDEX radio_drive_by_map ON radio_drive (map_id, trip_id);

CREATE TABLE dead_zone_version (
    version    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    map_id     text NOT NULL,
    piece_m    real NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    drives     integer NOT NULL,
    pieces     integer NOT NULL,             -- dead in one direction at least
    outlook    bytea NOT NULL                -- server/stores/deadzones.py has the form
);

CREATE TABLE dead_zone_activation (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version      bigint REFERENCES dead_zone_version,  -- NULL: nothing learned is in force
    map_id       text NOT NULL,
    activated_at timestamptz NOT NULL,
    activated_by text NOT NULL,
    reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500)
);
CREATE INDEX dead_zone_activation_by_map ON dead_zone_activation (map_id, id);

-- What a person says of pieces of road holds over what was learned; the newest word of a piece counts.
CREATE TABLE dead_zone_verdict (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    map_id   text NOT NULL,
    piece_m  real NOT NULL,
    verdict  text NOT NULL CHECK (verdict IN ('confirmed', 'dismissed', 'withdrawn')),
    piece    integer[] NOT NULL CHECK (cardinality(piece) > 0),
    given_at timestamptz NOT NULL,
    given_by text NOT NULL,
    reason   text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500)
);
CREATE INDEX dead_zone_verdict_by_map ON dead_zone_verdict (map_id, id);

-- A unit that fell silent where silence was expected: foretold once, then back, or overdue first.
CREATE TABLE zone_stay (
    id           uuid PRIMARY KEY,
    unit_id      uuid NOT NULL REFERENCES unit,
    order_id     uuid REFERENCES dispatch_order,
    silent_since timestamptz NOT NULL,
    foretold_at  timestamptz NOT NULL,
    back_at      timestamptz NOT NULL,       -- as likely sooner as later
    latest_at    timestamptz NOT NULL,
    place        jsonb NOT NULL,             -- where radio comes back, by language
    lon          double precision NOT NULL,
    lat          double precision NOT NULL,
    at_scene     boolean NOT NULL,           -- the unit stays inside: its way ends there
    overdue_at   timestamptz,                -- the alarm rose
    ended_at     timestamptz                 -- heard again
);
CREATE UNIQUE INDEX zone_stay_one_open ON zone_stay (unit_id) WHERE ended_at IS NULL;

CREATE TRIGGER dead_zone_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_zone_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER dead_zone_activation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_zone_activation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER dead_zone_verdict_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_zone_verdict
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, DELETE ON radio_drive TO ridgeline_app;
GRANT SELECT, INSERT ON dead_zone_version, dead_zone_activation, dead_zone_verdict TO ridgeline_app;
GRANT SELECT, INSERT, UPDATE ON zone_stay TO ridgeline_app;
