-- Where units may wait beside their stations, so that the county is covered.

CREATE TABLE standby_point (
    id         uuid PRIMARY KEY,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    lon        double precision NOT NULL CHECK (lon BETWEEN -180 AND 180),
    lat        double precision NOT NULL CHECK (lat BETWEEN -90 AND 90),
    added_by   text NOT NULL,
    added_at   timestamptz NOT NULL,
    retired_at timestamptz
);
CREATE UNIQUE INDEX standby_point_name ON standby_point (name) WHERE retired_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON standby_point TO ridgeline_app;
