-- The watch over orders: ends that are asked for, timers, escalation, and the list of what a person must see to.

ALTER TABLE dispatch_order DROP CONSTRAINT dispatch_order_state_check;
ALTER TABLE dispatch_order
    ADD CONSTRAINT dispatch_order_state_check CHECK (state IN (
        'issued', 'delivered', 'shown', 'standby', 'accepted', 'unable', 'en_route', 'on_scene', 'feedback',
        'done', 'cancelled', 'recalled', 'superseded', 'handed_over', 'expired', 'undeliverable')),
    ADD COLUMN eta_p90_s     double precision,   -- as recommended; 9 journeys in 10 keep it
    ADD COLUMN expires_at    timestamptz,        -- from then on nobody may accept it
    ADD COLUMN standby_until timestamptz,        -- as the unit last said
    -- A recall: asked for here, the end only when the unit confirms.
    ADD COLUMN recall_why    text CHECK (recall_why IN ('recalled', 'superseded', 'handed_over')),
    ADD COLUMN recall_state  text CHECK (recall_state IN ('requested', 'delivered', 'shown', 'declined')),
    ADD COLUMN recall_reason text NOT NULL DEFAULT '',
    ADD COLUMN recall_by     text,
    ADD COLUMN recall_at     timestamptz,
    ADD COLUMN successor_id  uuid REFERENCES dispatch_order, -- the order that takes its place
    ADD COLUMN look_again    boolean NOT NULL DEFAULT true,  -- its timers must be planned anew
    ADD CONSTRAINT dispatch_order_recall_whole CHECK (
        (recall_why IS NULL) = (recall_state IS NULL) AND (recall_why IS NULL) = (recall_at IS NULL));
UPDATE dispatch_order SET expires_at = issued_at + interval '4 hours', look_again = closed_at IS NULL;
ALTER TABLE dispatch_order ALTER COLUMN expires_at SET NOT NULL;
CREATE INDEX dispatch_order_look_again ON dispatch_order (id) WHERE look_again;
CREATE INDEX dispatch_order_by_successor ON dispatch_order (successor_id) WHERE successor_id IS NOT NULL;

-- A unit has one running order; one that gives way to it may still wait for its recall to be confirmed.
DROP INDEX dispatch_order_one_open;
CREATE UNIQUE INDEX dispatch_order_one_open ON dispatch_order (unit_id)
    WHERE closed_at IS NULL AND recall_why IS DISTINCT FROM 'superseded';

ALTER TABLE order_event
    ADD COLUMN clock_offset_s real,              -- device's clock ahead of ours, as estimated; NULL: unknown
    ADD COLUMN until_at       timestamptz;       -- of a standby

ALTER TABLE command DROP CONSTRAINT command_kind_check;
ALTER TABLE command ADD CONSTRAINT command_kind_check CHECK (kind IN ('task', 'notice', 'recall', 'check'));

-- One row for each thing waited for; a row that fired stays until its moment moves or its cause is gone.
CREATE TABLE order_timer (
    order_id     uuid NOT NULL REFERENCES dispatch_order,
    kind         text NOT NULL,
    due_at       timestamptz NOT NULL,
    stretched_to timestamptz,                    -- due_at of a unit in a dead zone: it is expected back
    fired_at     timestamptz,
    PRIMARY KEY (order_id, kind)
);
CREATE INDEX order_timer_due ON order_timer (coalesce(stretched_to, due_at)) WHERE fired_at IS NULL;

CREATE TABLE escalation (
    id          uuid PRIMARY KEY,
    order_id    uuid NOT NULL REFERENCES dispatch_order,
    level       text NOT NULL CHECK (level IN ('leader', 'supervisor')),
    opened_at   timestamptz NOT NULL,
    proposal    jsonb,                           -- the next-best unit; NULL: none
    offered_id  uuid REFERENCES dispatch_order,  -- the order that war let us send without asking
    settled_at  timestamptz,
    why         text NOT NULL DEFAULT ''
);
-- Never two units by accident.
CREATE UNIQUE INDEX escalation_one_open ON escalation (order_id) WHERE settled_at IS NULL;

-- What a person must see to. Nothing is ever dropped: one open row of a kind about one thing.
CREATE TABLE work_item (
    id          uuid PRIMARY KEY,
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind        text NOT NULL,
    severity    text NOT NULL CHECK (severity IN ('notice', 'warning', 'alarm')),
    subject     text NOT NULL,                   -- order:…, device:…, unit:…, incident:…
    order_id    uuid REFERENCES dispatch_order,
    incident_id uuid REFERENCES incident,
    unit_id     uuid REFERENCES unit,
    body        jsonb NOT NULL,
    times       integer NOT NULL DEFAULT 1,      -- it happened again while it was open
    raised_at   timestamptz NOT NULL,            -- the last time
    claimed_by  text,
    claimed_at  timestamptz,
    settled_at  timestamptz,
    settled_by  text,                            -- system: its cause is gone
    why         text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX work_item_one_open ON work_item (kind, subject) WHERE settled_at IS NULL;
CREATE INDEX work_item_open ON work_item (number) WHERE settled_at IS NULL;
CREATE INDEX work_item_by_order ON work_item (order_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON order_timer TO ridgeline_app;
GRANT SELECT, INSERT, UPDATE ON escalation, work_item TO ridgeline_app;
