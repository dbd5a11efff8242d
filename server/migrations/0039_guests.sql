-- Guests: devices that speak a protocol of their own, who they are here, and who knocks without being known.

CREATE TABLE device_identity (
    protocol    text NOT NULL CHECK (protocol ~ '^[a-z0-9]{1,16}$'),
    external_id text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 128),  -- what it calls itself
    device_id   text NOT NULL REFERENCES device ON DELETE CASCADE,
    secret_hash bytea,                        -- SHA-256 of its token or authentication code; NULL: it has none
    strict      boolean NOT NULL DEFAULT false,  -- let in only with its secret (OsmAnd, OwnTracks: under its own id)
    datum       text NOT NULL DEFAULT 'wgs84' CHECK (datum IN ('wgs84', 'gcj02', 'bd09')),
    badge       text,                         -- who carries it, where that is always the same person
    settings    jsonb NOT NULL DEFAULT '{}',  -- of the protocol
    alarm_ref   text,                         -- the call for help that its alarm, which is still on, has raised
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (protocol, external_id)
);
CREATE INDEX device_identity_by_device ON device_identity (device_id);
CREATE UNIQUE INDEX device_identity_by_secret ON device_identity (protocol, secret_hash)
    WHERE protocol IN ('osmand', 'owntracks');  -- there the secret alone says who it is

CREATE TABLE unknown_device (
    protocol      text NOT NULL CHECK (protocol ~ '^[a-z0-9]{1,16}$'),
    external_id   text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 128),
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    count         bigint NOT NULL DEFAULT 1,  -- of the times that were written down
    address       text NOT NULL DEFAULT '',
    said          jsonb NOT NULL DEFAULT '{}',  -- of itself: model, plate, …
    dismissed_by  text,
    dismissed_at  timestamptz,
    PRIMARY KEY (protocol, external_id)
);
CREATE INDEX unknown_device_by_last_seen ON unknown_device (last_seen_at);

-- A guest keeps no cursor: we do, and what it confirmed beyond it.
ALTER TABLE installation ADD COLUMN settled bigint[] NOT NULL DEFAULT '{}';

-- NULL: as its kind (a handset or a body camera shows orders, a vehicle does not).
ALTER TABLE device ADD COLUMN shows_orders boolean;

-- The way by which a device said it, and how it is known who said it: '' by the badge that he gave.
ALTER TABLE order_event
    ADD COLUMN path  text NOT NULL DEFAULT '',
    ADD COLUMN claim text NOT NULL DEFAULT '' CHECK (claim IN ('', 'carrier', 'alone', 'unnamed'));

-- What a device of another datum really said; NULL for WGS-84. Goes when the day is made coarse.
ALTER TABLE position
    ADD COLUMN raw_datum text,
    ADD COLUMN raw_lon   double precision,
    ADD COLUMN raw_lat   double precision;

GRANT SELECT, INSERT, UPDATE, DELETE ON device_identity, unknown_device TO ridgeline_app;
