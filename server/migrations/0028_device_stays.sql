-- Which unit a device belonged to, and since when: what is told of the past is told of the unit of then.
-- Of devices from before, the unit of today since they were added.

CREATE TABLE device_stay (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id text NOT NULL REFERENCES device ON DELETE CASCADE,
    unit_id   uuid REFERENCES unit,          -- NULL: of none
    since     timestamptz NOT NULL
);
CREATE INDEX device_stay_by_device ON device_stay (device_id, id);

INSERT INTO device_stay (device_id, unit_id, since) SELECT id, unit_id, created_at FROM device ORDER BY id;

CREATE FUNCTION note_device_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO device_stay (device_id, unit_id, since) VALUES (NEW.id, NEW.unit_id, clock_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER device_stay_begins AFTER INSERT ON device
    FOR EACH ROW EXECUTE FUNCTION note_device_stay();
CREATE TRIGGER device_stay_changes AFTER UPDATE OF unit_id ON device
    FOR EACH ROW WHEN (OLD.unit_id IS DISTINCT FROM NEW.unit_id) EXECUTE FUNCTION note_device_stay();

GRANT SELECT, INSERT ON device_stay TO ridgeline_app;
