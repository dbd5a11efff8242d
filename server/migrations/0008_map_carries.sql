-- Drives of an older map that count on a newer one: where its roads lie there. Written once; the newest row of a pair
-- of maps counts, and one without pieces takes it back.

CREATE TABLE map_carry (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    map_id      text NOT NULL,
    from_map_id text NOT NULL CHECK (from_map_id <> map_id),
    carried_at  timestamptz NOT NULL,
    carried_by  text NOT NULL,
    reason      text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    edges       integer NOT NULL,            -- drivable ones of the older map that were found again
    edges_lost  integer NOT NULL,
    km          real NOT NULL,
    km_lost     real NOT NULL,
    pieces      bytea                        -- server/stores/carries.py has the form; NULL: taken back
);
CREATE INDEX map_carry_by_map ON map_carry (map_id, from_map_id, id);

CREATE TRIGGER map_carry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON map_carry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON map_carry TO ridgeline_app;
