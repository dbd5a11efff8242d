-- Orders of peace or war: signed, with an end, kept for good.
--
-- Rows are history: written once, and only that an end was announced and how it ended are filled in.
-- What holds is the order with the highest number, while it lasts; else it is peace as every day.

CREATE TABLE stance_order (
    number           bigint PRIMARY KEY CHECK (number > 0),  -- dense; it is part of what is signed
    request_id       text NOT NULL UNIQUE,      -- asking twice gives one order
    mode             text NOT NULL CHECK (mode IN ('peace', 'war')),
    scope            text NOT NULL CHECK (scope = 'county'),
    reason           text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    offers           boolean NOT NULL,
    reoptimise       text NOT NULL CHECK (reoptimise IN ('proposals', 'automatic')),
    authority        text NOT NULL CHECK (authority IN ('supervisor', 'dispatcher')),
    off_duty_reports boolean NOT NULL,
    issued_by        text NOT NULL,
    issued_at        timestamptz NOT NULL,
    expires_at       timestamptz CHECK (expires_at > issued_at),
    note             text NOT NULL,             -- the signed note: the text above it, and the signature
    verifier         text NOT NULL,             -- the public key that it was signed with
    warned_at        timestamptz,               -- since when its end is announced
    ended_at         timestamptz,
    ended_by         text,                      -- system: its time was over
    end_reason       text NOT NULL DEFAULT '',  -- superseded, expired, or a person's words
    end_note         text,                      -- signed, too, where a person ended it
    CHECK (mode = 'peace' OR expires_at IS NOT NULL),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);

GRANT SELECT, INSERT ON stance_order TO ridgeline_app;
GRANT UPDATE (warned_at, ended_at, ended_by, end_reason, end_note) ON stance_order TO ridgeline_app;
