-- What is done about batteries that may not last their job: asked, answered, kept, and checked against what drained.

ALTER TABLE command DROP CONSTRAINT command_kind_check;
ALTER TABLE command ADD CONSTRAINT command_kind_check
    CHECK (kind IN ('task', 'notice', 'recall', 'check', 'advice', 'limits'));

ALTER TABLE installation
    ADD COLUMN caps text[] NOT NULL DEFAULT '{}';    -- as its last hello says

CREATE TABLE mitigation (
    id          uuid PRIMARY KEY,
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind        text NOT NULL,
    device_id   text NOT NULL REFERENCES device,     -- whose battery it is
    order_id    uuid NOT NULL REFERENCES dispatch_order,
    by_device   boolean NOT NULL,                    -- the device does it itself; else a person is asked
    state       text NOT NULL CHECK (state IN (
        'sent', 'received', 'shown', 'applied', 'accepted', 'declined', 'refused', 'unanswered')),
    expected    jsonb NOT NULL,                      -- what it would bring, when it was sent
    sent_by     text NOT NULL,
    sent_at     timestamptz NOT NULL,
    answered_by text,                                -- officer:…, device:…, user:… by voice
    answered_at timestamptz,
    reason      text NOT NULL DEFAULT '',            -- why it was declined or refused
    measured    jsonb,                               -- what really drained
    measured_at timestamptz,
    ended_at    timestamptz,
    ended_by    text,                                -- system: its order was over, or nobody did it
    ended_why   text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX mitigation_one_open ON mitigation (device_id, kind) WHERE ended_at IS NULL;
CREATE INDEX mitigation_by_order ON mitigation (order_id);

GRANT SELECT, INSERT, UPDATE ON mitigation TO ridgeline_app;
