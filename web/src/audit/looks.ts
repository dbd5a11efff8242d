// Kinds of entries that tell who looked at something, handed it out, or was refused: docs/audit.md.
export const LOOKS = [
  ...["access", "journal.read", "journal.exported", "history.exported"],
  ...["review.read", "review.exported", "replay.read", "measures.read"],
].join(",");

/** The page of the log that shows who looked at an incident. */
export const whoLookedAt = (incident: number): string =>
  `/audit?${new URLSearchParams({ kind: LOOKS, incident: String(incident) })}#log`;
