-- Calls for help. One row a call, written in the transaction that moves the device's uplink counter.

CREATE TABLE sos_call (
    id              uuid PRIMARY KEY,
    number          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    device_id       text NOT NULL REFERENCES device,
    ref             text NOT NULL,            -- the device's own name of the call: saying it twice makes one
    unit_id         uuid REFERENCES unit,     -- of the device, when it called
    badge           text NOT NULL DEFAULT '', -- as the device says; it may be wrong, the call stands
    note            text NOT NULL DEFAULT '',
    raised_at       timestamptz,              -- the device's claim; NULL: it made none
    received_at     timestamptz NOT NULL,
    lon             double precision CHECK (lon BETWEEN -180 AND 180),
    lat             double precision CHECK (lat BETWEEN -90 AND 90),
    accuracy_m      real,
    position_at     timestamptz,              -- how old that position is
    battery_pct     smallint CHECK (battery_pct BETWEEN 0 AND 100),
    withdrawn_at    timestamptz,              -- the officer says that it was a false alarm
    withdrawn_note  text NOT NULL DEFAULT '',
    acknowledged_by text,
    acknowledged_at timestamptz,
    incident_id     uuid REFERENCES incident, -- NULL: nobody knows where, yet
    UNIQUE (device_id, ref),
    CHECK ((lon IS NULL) = (lat IS NULL)),
    CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL))
);
CREATE INDEX sos_call_open ON sos_call (number)
    WHERE acknowledged_at IS NULL OR (incident_id IS NULL AND withdrawn_at IS NULL);
CREATE INDEX sos_call_by_incident ON sos_call (incident_id);

GRANT SELECT, INSERT, UPDATE ON sos_call TO ridgeline_app;
