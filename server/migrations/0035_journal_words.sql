-- The words of an entry, so that a log of millions is searched in milliseconds (server/journal/words.py), and
-- when the entries of each thousand were written. Neither is part of the log: what is found is read from the log.

CREATE TABLE journal_word (
    seq   bigint PRIMARY KEY,
    words tsvector NOT NULL
);
-- What is not yet merged into the index is read by every search: little of it.
CREATE INDEX journal_word_by_word ON journal_word USING gin (words) WITH (gin_pending_list_limit = 512);

-- Entries number * 1024 to number * 1024 + 1023; by time they stand only nearly in the order of the log.
CREATE TABLE journal_span (
    number   bigint PRIMARY KEY,
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL
);
INSERT INTO journal_span
SELECT seq / 1024, min(at), max(at) FROM journal_leaf JOIN journal_entry ON id = entry_id GROUP BY 1;

-- Words of sealed entries, parted by blanks: of a log from before, and of what a redaction has left.
CREATE FUNCTION journal_index(seqs bigint[], word_lists text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO public.journal_word (seq, words)
    SELECT entry.seq, array_to_tsvector(string_to_array(words, ' '))
    FROM unnest(seqs, word_lists) AS entry (seq, words) JOIN public.journal_leaf USING (seq)
    ON CONFLICT (seq) DO UPDATE SET words = EXCLUDED.words
$$;

-- What is redacted is forgotten here with it. The lock: nobody is about to index what it was before.
CREATE FUNCTION forget_words() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('journal seal'));
    UPDATE public.journal_word SET words = '' WHERE seq = NEW.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_leaf_forgets_words AFTER UPDATE ON journal_leaf
    FOR EACH ROW EXECUTE FUNCTION forget_words();

-- Some of the entries that answer, in no order; more than asked for are not counted. Always by the index.
CREATE FUNCTION journal_some(question tsquery, most integer) RETURNS bigint[]
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN ARRAY(SELECT seq FROM public.journal_word WHERE words @@ question LIMIT most);
END $$;

-- No leaf without its words: who does not know of them does not seal.
DROP FUNCTION journal_seal(bigint, bigint[], bytea[], bytea[], smallint[], bigint[], bytea[]);
CREATE FUNCTION journal_seal(
    first_seq bigint, entry_ids bigint[], leaf_salts bytea[], leaf_hashes bytea[],
    levels smallint[], numbers bigint[], hashes bytea[], word_lists text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    next_seq bigint;
    sealed   bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('journal seal'));
    SELECT coalesce(max(seq), 0) + 1 INTO next_seq FROM public.journal_leaf;
    IF first_seq <> next_seq THEN
        RAISE EXCEPTION 'the log goes on at %, not at %', next_seq, first_seq USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO public.journal_leaf (seq, entry_id, salts, hash)
    SELECT first_seq + place - 1, entry_id, salts, hash
    FROM unnest(entry_ids, leaf_salts, leaf_hashes) WITH ORDINALITY AS leaf (entry_id, salts, hash, place);
    INSERT INTO public.journal_node SELECT * FROM unnest(levels, numbers, hashes);
    DELETE FROM public.journal_pending WHERE entry_id = ANY (entry_ids);
    GET DIAGNOSTICS sealed = ROW_COUNT;
    IF sealed <> cardinality(entry_ids) OR sealed <> cardinality(word_lists) THEN
        RAISE EXCEPTION 'only entries that wait are sealed, each with its words' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM public.journal_index(
        ARRAY(SELECT generate_series(first_seq, first_seq + sealed - 1)), word_lists);
    INSERT INTO public.journal_span AS span
    SELECT seq / 1024, min(at), max(at)
    FROM public.journal_leaf JOIN public.journal_entry ON id = entry_id WHERE seq >= first_seq GROUP BY 1
    ON CONFLICT (number) DO UPDATE
    SET first_at = least(span.first_at, EXCLUDED.first_at), last_at = greatest(span.last_at, EXCLUDED.last_at);
END $$;

REVOKE ALL ON FUNCTION
    forget_words(), journal_index(bigint[], text[]),
    journal_seal(bigint, bigint[], bytea[], bytea[], smallint[], bigint[], bytea[], text[])
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    journal_index(bigint[], text[]),
    journal_seal(bigint, bigint[], bytea[], bytea[], smallint[], bigint[], bytea[], text[])
    TO ridgeline_app;
GRANT SELECT ON journal_word, journal_span TO ridgeline_app;
