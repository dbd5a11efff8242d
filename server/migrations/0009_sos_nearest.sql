-- The units ranked for a call for help: one answer for all consoles, computed once.

ALTER TABLE sos_call ADD COLUMN nearest_id uuid REFERENCES recommendation;
