-- A reminder set, or the room taken, by a request that comes twice, is set or taken once.

ALTER TABLE reminder ADD COLUMN request_id text UNIQUE;
ALTER TABLE handover ADD COLUMN request_id text UNIQUE;
