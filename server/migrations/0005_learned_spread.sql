-- How far journeys differ from what is foretold, as measured on the drives of a version, mode by mode: standard
-- deviations of ln T, and the number of drives behind each. NULL in versions from before: the starting values.

ALTER TABLE learned_version ADD COLUMN spread jsonb;
