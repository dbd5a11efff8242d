-- The newest entry of the log below one that answers, however many do: always by the index, never by walking.
CREATE FUNCTION journal_newest(question tsquery, below bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN (SELECT max(seq) FROM (SELECT seq FROM public.journal_word WHERE words @@ question OFFSET 0) hit
            WHERE seq < below);
END $$;
