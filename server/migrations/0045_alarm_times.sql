-- When a guest's alarm was heard last, and the device's time when the last one ended: what comes late is known to be over.

ALTER TABLE device_identity
    ADD COLUMN alarm_said_at timestamptz,
    ADD COLUMN alarm_over_at timestamptz;
