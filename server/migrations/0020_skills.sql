-- What officers can do, who was in a unit when its shift began, and how long they had rested then.

ALTER TABLE officer ADD COLUMN skills text[] NOT NULL DEFAULT '{}' CHECK (cardinality(skills) <= 20);  -- codes of run cards

ALTER TABLE shift
    ADD COLUMN crew   uuid[] NOT NULL DEFAULT '{}',          -- officers of the unit when it began
    ADD COLUMN rest_s double precision CHECK (rest_s >= 0);  -- of whoever rested least before it; NULL: nobody knows
CREATE INDEX shift_by_end ON shift (off_at);                 -- who came off duty lately
