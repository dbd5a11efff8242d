-- What each recommendation was made from, so that it can be made again: server/dispatch/record.py has the form.
-- Its SHA-256 stands in the command log as well.

CREATE TABLE road_picture (
    sha256 text PRIMARY KEY CHECK (length(sha256) = 64),
    map_id text NOT NULL,                    -- whose edges are numbered
    body   bytea NOT NULL                    -- geo/live/kept.py has the form; once, however many recommendations
);

CREATE TABLE recommendation_record (
    recommendation_id uuid PRIMARY KEY REFERENCES recommendation,
    roads             text NOT NULL REFERENCES road_picture,
    rules             integer NOT NULL,
    sha256            text NOT NULL CHECK (length(sha256) = 64),  -- of body
    body              bytea NOT NULL
);
ALTER TABLE recommendation_record ALTER COLUMN body SET STORAGE EXTERNAL;  -- compressed already
ALTER TABLE road_picture ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE INDEX recommendation_newest ON recommendation (computed_at DESC, id DESC);

CREATE TRIGGER road_picture_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON road_picture
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER recommendation_record_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON recommendation_record
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON road_picture, recommendation_record TO ridgeline_app;
