-- An entry and its place in the queue are written by one statement of the application's own (server/stores/journal.py):
-- calling a function for it cost as much again as half an insert. What is in an entry's id and time stays the
-- database's: of `journal_entry` the application may give these columns only, and changes or deletes nothing.

GRANT INSERT (actor, subject, kind, body) ON journal_entry TO ridgeline_app;
GRANT INSERT ON journal_pending TO ridgeline_app;
