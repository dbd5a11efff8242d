-- Who looks for an actor, a kind or a time asks the words that are sealed with each entry (0035): each index that
-- goes makes every append cheaper. What is left finds the story of one subject, and where the log's key was changed.

DROP INDEX journal_entry_by_actor, journal_entry_by_kind, journal_entry_by_time;
CREATE INDEX journal_entry_key_changed ON journal_entry (id) WHERE kind = 'journal.key_changed';
