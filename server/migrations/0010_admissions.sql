-- Which connection of an installation is the newest, whichever server holds it and whatever the clocks do.

ALTER TABLE installation
    ADD COLUMN admission bigint NOT NULL DEFAULT 0;  -- of its newest connection; only grows
