-- Spare packs, power banks and cameras: what they fit, where they lie, who has them.

CREATE TABLE spare (
    id         uuid PRIMARY KEY,
    label      text NOT NULL UNIQUE CHECK (length(label) BETWEEN 1 AND 64), -- what is written on it
    kind       text NOT NULL CHECK (kind IN ('pack', 'power_bank', 'camera')),
    fits       text[] NOT NULL,                -- models of devices; empty: any
    station_id uuid REFERENCES station,        -- where it lies,
    unit_id    uuid REFERENCES unit,           -- or in whose vehicle
    charged    boolean NOT NULL,
    taken_by   text,                           -- who has it, since taken_at; then it lies nowhere
    taken_at   timestamptz,
    retired_at timestamptz,
    CHECK ((taken_by IS NULL) = (taken_at IS NULL)),
    CHECK (num_nonnulls(station_id, unit_id, taken_by) = 1)
);
CREATE INDEX spare_by_station ON spare (station_id);
CREATE INDEX spare_by_unit ON spare (unit_id);

GRANT SELECT, INSERT, UPDATE ON spare TO ridgeline_app;
