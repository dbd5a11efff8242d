-- When batteries were charged or changed, as devices' reports tell it; and where the telling stands.

CREATE TABLE charge (
    device_id    text NOT NULL REFERENCES device ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('charge', 'swap', 'unseen')),
    before_at    timestamptz,                 -- the last report before; NULL: there was none
    before_pct   real,
    began_at     timestamptz NOT NULL,        -- the first report that says so
    began_pct    real,
    until_at     timestamptz,                 -- the last report on the charger
    until_pct    real,
    ended_at     timestamptz,                 -- the first report off it; NULL: it runs
    ended_pct    real,
    lon          double precision NOT NULL,
    lat          double precision NOT NULL,
    station_id   uuid REFERENCES station,     -- where that is one
    used_pct     real,                        -- charge taken since the one before; NULL: not all was watched
    expected_pct real,                        -- what a new device of the model would have taken
    PRIMARY KEY (device_id, began_at)
);
CREATE INDEX charge_by_time ON charge (began_at);

CREATE TABLE charge_follow (
    device_id text PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    seen_at   timestamptz NOT NULL,           -- positions observed until then have been read
    state     jsonb NOT NULL                  -- devices/battery/charging.py has the form
);

GRANT SELECT, INSERT, UPDATE, DELETE ON charge, charge_follow TO ridgeline_app;
