-- A device says that it cannot keep or show what it was sent.

ALTER TABLE command ADD COLUMN refused_at timestamptz;  -- the first time
