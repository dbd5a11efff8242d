-- A decision may send several units in the place of one that does not answer.

ALTER TABLE escalation ADD COLUMN offered_ids uuid[] NOT NULL DEFAULT '{}';  -- orders, oldest first
UPDATE escalation SET offered_ids = ARRAY[offered_id] WHERE offered_id IS NOT NULL;
ALTER TABLE escalation DROP COLUMN offered_id;
