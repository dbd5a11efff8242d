-- What drives taught about travel times: drives matched to roads, versions learned from them, which one is in force.
--
-- A drive is kept as long as learning looks back, and then deleted: it says where officers went. Versions and
-- their activations are history: written once, never changed, so that any older one can be put in force again.

CREATE TABLE matched_trip (
    id          uuid PRIMARY KEY,
    order_id    uuid NOT NULL UNIQUE REFERENCES dispatch_order,
    unit_id     uuid NOT NULL REFERENCES unit,
    vehicle     text NOT NULL,               -- kind of the unit when it drove
    mode        text NOT NULL CHECK (mode IN ('routine', 'urgent')),
    condition   text NOT NULL,               -- that held in the whole county, canonical; dry: none
    map_id      text NOT NULL,               -- of the map whose arcs are numbered
    from_at     timestamptz NOT NULL,
    to_at       timestamptz NOT NULL CHECK (to_at >= from_at),
    fixes       integer NOT NULL,
    unmatched_s real NOT NULL,
    note        text NOT NULL DEFAULT '',    -- why nothing was matched, where nothing was
    -- Passages over arcs in driving order, one array a column:
    run         smallint[] NOT NULL,         -- unbroken piece of the drive
    arc         integer[] NOT NULL,          -- 2e: edge e tail to head; 2e + 1: back
    begin_share real[] NOT NULL,             -- of the arc, from where it is entered
    end_share   real[] NOT NULL,
    enter_s     real[] NOT NULL,             -- seconds after from_at
    leave_s     real[] NOT NULL,
    reach_m     real[] NOT NULL,             -- metres over which the times are interpolated
    left_out    boolean[] NOT NULL,          -- stood there, or the road was not as modelled
    matched_at  timestamptz NOT NULL
);
CREATE INDEX matched_trip_by_map ON matched_trip (map_id, to_at);
CREATE INDEX matched_trip_by_arc ON matched_trip USING gin (arc);
CREATE INDEX dispatch_order_by_state_at ON dispatch_order (state_at);

CREATE TABLE learned_version (
    version    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    map_id     text NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    trips      integer NOT NULL,             -- that said anything, of both modes
    arcs       integer NOT NULL,             -- driven at least once, of both modes
    newest_at  timestamptz,                  -- end of the newest drive in it
    routine    bytea NOT NULL,               -- factors of every arc; server/stores/learning.py has the form
    urgent     bytea NOT NULL
);

CREATE TABLE learned_activation (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version      bigint REFERENCES learned_version,  -- NULL: the model alone
    map_id       text NOT NULL,
    activated_at timestamptz NOT NULL,
    activated_by text NOT NULL,
    reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500)
);
CREATE INDEX learned_activation_by_map ON learned_activation (map_id, id);

CREATE TRIGGER learned_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON learned_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER learned_activation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON learned_activation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, DELETE ON matched_trip TO ridgeline_app;
GRANT SELECT, INSERT ON learned_version, learned_activation TO ridgeline_app;
