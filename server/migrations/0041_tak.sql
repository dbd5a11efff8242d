-- Certificates of TAK clients: whom each of them lets in. The keys leave with their data packages.

CREATE TABLE tak_certificate (
    id          uuid PRIMARY KEY,
    fingerprint bytea NOT NULL UNIQUE CHECK (length(fingerprint) = 32), -- SHA-256 of the certificate
    serial      text NOT NULL,                     -- as the certificate says, hexadecimal
    user_id     uuid NOT NULL REFERENCES app_user,
    uid         text NOT NULL DEFAULT '' CHECK (length(uid) <= 128),    -- whom it may speak as; empty until it first speaks
    issued_by   text NOT NULL,
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    seen_at     timestamptz,                       -- last time that it came in
    revoked_by  text,
    revoked_at  timestamptz
);
CREATE INDEX tak_certificate_by_user ON tak_certificate (user_id, issued_at);
CREATE INDEX tak_certificate_by_uid ON tak_certificate (uid) WHERE uid <> '' AND revoked_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON tak_certificate TO ridgeline_app;
