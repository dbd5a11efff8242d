-- What devices say they have seen of the command log: signed checkpoints that came back to us (docs/adr/0013).

CREATE TABLE journal_receipt (
    device_id  text NOT NULL,
    install_id text NOT NULL,
    size       bigint NOT NULL,
    note       text NOT NULL,               -- the signed checkpoint itself
    fits       boolean NOT NULL,            -- false: this log never had it; such a receipt is kept for good
    seen_at    timestamptz NOT NULL,        -- when it was first shown to us
    PRIMARY KEY (device_id, install_id, size, fits)
);
CREATE INDEX journal_receipt_by_time ON journal_receipt (seen_at DESC);

-- Keep one, and the newest of those that fit; whether it was news.
CREATE FUNCTION journal_witness(
    device text, install text, log_size bigint, signed_note text, does_fit boolean, at timestamptz, kept_max integer)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.journal_receipt VALUES (device, install, log_size, signed_note, does_fit, at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM public.journal_receipt WHERE ctid IN (
        SELECT ctid FROM public.journal_receipt
        WHERE device_id = device AND install_id = install AND fits
        ORDER BY size DESC OFFSET kept_max);
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION journal_witness(text, text, bigint, text, boolean, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_witness(text, text, bigint, text, boolean, timestamptz, integer) TO ridgeline_app;
GRANT SELECT ON journal_receipt TO ridgeline_app;
