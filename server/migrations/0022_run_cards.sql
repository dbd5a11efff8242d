-- Run cards: whole sets as versions, which one is in force, and the checklist of each incident with who did what of it.
-- Versions and their activations are history, as of travel times.

CREATE TABLE run_card_version (
    version    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    body       jsonb NOT NULL                -- the whole set; server/dispatch/runcards.py, `plain`, has the form
);

CREATE TABLE run_card_activation (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version      bigint REFERENCES run_card_version,  -- NULL: the set that comes with Ridgeline
    activated_at timestamptz NOT NULL,
    activated_by text NOT NULL,
    reason       text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500)
);

CREATE TABLE checklist (
    incident_id uuid PRIMARY KEY REFERENCES incident,
    version     bigint REFERENCES run_card_version,   -- in force when the first step was ticked; NULL: comes with Ridgeline
    card        jsonb NOT NULL               -- of the incident's type, as it was then: the ticks are of its steps
);

CREATE TABLE checklist_tick (
    incident_id uuid NOT NULL REFERENCES checklist,
    step        integer NOT NULL CHECK (step >= 0),   -- place in the card's steps
    ticked_by   text NOT NULL,
    ticked_at   timestamptz NOT NULL,
    PRIMARY KEY (incident_id, step)
);

CREATE TRIGGER run_card_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON run_card_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER run_card_activation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON run_card_activation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checklist_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checklist
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON run_card_version, run_card_activation, checklist TO ridgeline_app;
GRANT SELECT, INSERT, DELETE ON checklist_tick TO ridgeline_app;
