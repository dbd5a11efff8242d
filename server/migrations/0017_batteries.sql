-- What is learned of batteries: each device's state, versions of what models have in common, which one is in force,
-- and what each recommendation reckoned with. Versions and their activations are history, as of travel times.

CREATE TABLE battery_state (
    device_id text PRIMARY KEY REFERENCES device ON DELETE CASCADE,
    at        timestamptz NOT NULL,          -- of the last report in it; an older one never replaces it
    model     text NOT NULL,                 -- kind, or kind/model, that the device had then: another one begins anew
    state     jsonb NOT NULL                 -- devices/battery/reports.py has the form
);

CREATE TABLE battery_version (
    version    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    devices    integer NOT NULL,             -- that it was learned from
    models     jsonb NOT NULL                -- by kind, and by kind/model: {prior, devices}
);

CREATE TABLE battery_activation (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version      bigint REFERENCES battery_version,  -- NULL: the starting values alone
    activated_at timestamptz NOT NULL,
    activated_by text NOT NULL,
    reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500)
);

CREATE TABLE recommendation_battery (
    recommendation_id uuid PRIMARY KEY REFERENCES recommendation,
    version           bigint REFERENCES battery_version,  -- in force then; NULL: starting values
    device_ids        text[] NOT NULL,
    numbers           bytea NOT NULL         -- devices/battery/record.py has the form
);

CREATE TRIGGER battery_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON battery_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER battery_activation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON battery_activation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER recommendation_battery_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON recommendation_battery
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT, UPDATE, DELETE ON battery_state TO ridgeline_app;
GRANT SELECT, INSERT ON battery_version, battery_activation, recommendation_battery TO ridgeline_app;
