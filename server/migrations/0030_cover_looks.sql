-- What was covered in each quarter of an hour, for the review: positions are not kept so long, and roads change.

CREATE TABLE cover_look (
    at            timestamptz PRIMARY KEY,   -- of its quarter of an hour, whichever server looked
    map_id        text NOT NULL,             -- whose villages are numbered
    limit_s       double precision NOT NULL CHECK (limit_s > 0),
    free_units    integer NOT NULL CHECK (free_units >= 0),
    units_in_time bytea NOT NULL             -- a byte a village of the map: 0, 1, or 2 and more
);

GRANT SELECT, INSERT, DELETE ON cover_look TO ridgeline_app;
