-- One dispatcher alone: what he wants to be reminded of, and what was handed over at the change of shift.

CREATE TABLE reminder (
    id          uuid PRIMARY KEY,
    text        text NOT NULL CHECK (length(text) BETWEEN 1 AND 500),
    due_at      timestamptz NOT NULL,
    incident_id uuid REFERENCES incident,
    set_by      text NOT NULL,
    set_at      timestamptz NOT NULL,
    ended_at    timestamptz,                   -- when it was due, or somebody dropped it
    dropped_by  text
);
CREATE INDEX reminder_waiting ON reminder (due_at) WHERE ended_at IS NULL;

CREATE TABLE handover (
    id       uuid PRIMARY KEY,
    since    timestamptz NOT NULL,             -- the handover before
    at       timestamptz NOT NULL,
    taken_by text NOT NULL,                    -- who has the room from then on
    note     text NOT NULL,                    -- of whoever had it before
    summary  jsonb NOT NULL                    -- counts, as they were shown
);
CREATE INDEX handover_by_time ON handover (at);

GRANT SELECT, INSERT, UPDATE ON reminder TO ridgeline_app;
GRANT SELECT, INSERT ON handover TO ridgeline_app;
