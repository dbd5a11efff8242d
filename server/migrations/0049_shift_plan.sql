-- What a unit has and where it belongs, as administrators keep it; and who is to be on duty when.

ALTER TABLE unit
    ADD COLUMN squad     text NOT NULL DEFAULT '' CHECK (length(squad) <= 80),
    ADD COLUMN plate     text NOT NULL DEFAULT '' CHECK (length(plate) <= 32),    -- of its vehicle
    ADD COLUMN area      text NOT NULL DEFAULT '' CHECK (length(area) <= 80),     -- its beat, in words
    ADD COLUMN equipment text[] NOT NULL DEFAULT '{}' CHECK (cardinality(equipment) <= 20);

CREATE TABLE planned_shift (
    id         uuid PRIMARY KEY,
    unit_id    uuid NOT NULL REFERENCES unit,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '24 hours'),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),  -- early, late, night, or what it is called
    crew       uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(crew) <= 20),  -- officers; empty: whoever is in the unit then
    planned_by text NOT NULL,
    planned_at timestamptz NOT NULL
);
CREATE INDEX planned_shift_by_start ON planned_shift (starts_at);
CREATE INDEX planned_shift_by_unit ON planned_shift (unit_id, starts_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON planned_shift TO ridgeline_app;
