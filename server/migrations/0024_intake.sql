-- One entrance: warnings and tasks from outside, until somebody has made something of them.

CREATE TABLE intake (
    id          uuid PRIMARY KEY,
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    request_id  text NOT NULL UNIQUE,
    kind        text NOT NULL CHECK (kind IN ('warning', 'task')),
    source      text NOT NULL,                 -- who says it, as people would
    urgency     text NOT NULL CHECK (urgency IN ('routine', 'priority', 'emergency')),
    text        text NOT NULL,
    place       text NOT NULL,                 -- in words; may be empty
    lon         double precision,
    lat         double precision,
    from_at     timestamptz,
    until_at    timestamptz,
    received_by text NOT NULL,
    received_at timestamptz NOT NULL,
    outcome     text CHECK (outcome IN ('opened', 'noted', 'over')),
    why         text NOT NULL DEFAULT '',
    incident_id uuid REFERENCES incident,      -- what was opened for it
    settled_by  text,
    settled_at  timestamptz,
    CHECK ((lon IS NULL) = (lat IS NULL)),
    CHECK (until_at > from_at),
    CHECK (num_nulls(outcome, settled_by, settled_at) IN (0, 3)),
    CHECK ((incident_id IS NOT NULL) = (outcome IS NOT DISTINCT FROM 'opened'))
);
CREATE INDEX intake_open ON intake (number) WHERE outcome IS NULL;

GRANT SELECT, INSERT, UPDATE ON intake TO ridgeline_app;
