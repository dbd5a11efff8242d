-- Whom to tell of what the command log says. What is due waits here; what it says stands in the log alone.

CREATE TABLE webhook (
    id              uuid PRIMARY KEY,
    request_id      text NOT NULL UNIQUE,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    url             text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    secret          text NOT NULL,                -- whsec_…, shared with the receiver
    kinds           text[] NOT NULL CHECK (cardinality(kinds) BETWEEN 1 AND 50),
    taken_seq       bigint NOT NULL,              -- of the log: everything up to here was looked at
    checkpoint_size bigint NOT NULL DEFAULT 0,    -- of the last checkpoint that was made due
    checkpoint_at   timestamptz NOT NULL,         -- and when
    delivered_at    timestamptz,                  -- last success
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    ended_why       text NOT NULL DEFAULT ''
);

-- What was delivered is deleted; what was given up stays until a person has seen to it.
CREATE TABLE webhook_delivery (
    webhook_id uuid NOT NULL REFERENCES webhook,
    what       text NOT NULL CHECK (what IN ('entry', 'checkpoint')),
    number     bigint NOT NULL,                   -- seq of the entry, size of the checkpoint
    attempts   integer NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL,
    last_error text NOT NULL DEFAULT '',
    dead_at    timestamptz,
    PRIMARY KEY (webhook_id, what, number)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_at) WHERE dead_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON webhook TO ridgeline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_delivery TO ridgeline_app;
