-- Where a unit is by its position, beside what it reports: the two are never mixed.

ALTER TABLE dispatch_order
    ADD COLUMN at_place_at timestamptz;          -- since when it was at the place by its position; NULL: never seen there
