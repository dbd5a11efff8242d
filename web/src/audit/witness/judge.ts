// Judges what the server shows against what is held here. Knows no page and no memory.
import type { JournalEntry } from "../../shared/types";
import { type Bytes, fromBase64, same } from "./bytes";
import type { Kept } from "./kept";
import { isShownAs, leafOf, type Proof } from "./leaf";
import { extends_, includes } from "./merkle";
import { type Checkpoint, following, type Key, NoteError, readCheckpoint, readKey, readNote } from "./notes";

export interface Proofs {
  origin: string;
  key: string | null;
  /** The announcements of keys. */
  keys: string[];
  note: string | null;
  /** What the note says that it holds. */
  size: number;
  consistency: string[] | null;
  entries: Proof[];
}

/** What is the matter with the log as a whole; `well` and `unsigned` are no alarm. */
export type Standing = "well" | "unsigned" | "other_log" | "unknown_key" | "rewound" | "forked";

/**
 * Of one entry. `proved`: what is shown is what was sealed, and its leaf leads to the signed root.
 * `waiting`: not signed yet. `unproved`: the server gave no path. `doubt`: it leads to a root, of a log that is
 * not the one held here. `changed`: the leaf holds, the words are others. `unfit`: leaf or tree are others.
 * `shown`: the page shows other words than those that were proved.
 */
export type Verdict = "proved" | "waiting" | "unproved" | "doubt" | "changed" | "unfit" | "shown";

export interface Judged {
  standing: Standing;
  /** The checkpoint shown, where a key that is known here signed it. */
  shown: { checkpoint: Checkpoint; key: string } | null;
  verdicts: Map<number, Verdict>;
}

export async function judge(proofs: Proofs, entries: JournalEntry[], kept: Kept | null): Promise<Judged> {
  const { note, key } = proofs;
  if (!note || !key) return { standing: "unsigned", shown: null, verdicts: all(entries, "waiting") };
  let read: { checkpoint: Checkpoint; key: Key };
  try {
    read = await checked(note, kept ? await known(proofs, kept) : [await readKey(key)]);
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    return { standing: "unknown_key", shown: null, verdicts: all(entries, "doubt") };
  }
  const { checkpoint } = read;
  const standing =
    checkpoint.origin !== proofs.origin ? "other_log" : await compare(checkpoint, proofs, kept);
  const verdicts = new Map<number, Verdict>();
  const found = new Map(proofs.entries.map((each) => [each.seq, each]));
  for (const entry of entries) {
    const verdict = await judgeOne(entry, found.get(entry.seq), checkpoint).catch(unreadable);
    verdicts.set(entry.seq, verdict === "proved" && standing !== "well" ? "doubt" : verdict);
  }
  return { standing, shown: { checkpoint, key: read.key.text }, verdicts };
}

const all = (entries: JournalEntry[], verdict: Verdict): Map<number, Verdict> =>
  new Map(entries.map(({ seq }) => [seq, verdict]));

/** The newest key first: one that was replaced signs nothing any more, but may have signed what is held. */
async function known(proofs: Proofs, kept: Kept): Promise<Key[]> {
  return (await following(await readKey(kept.key), kept.origin, proofs.keys)).reverse();
}

async function checked(note: string, keys: Key[]): Promise<{ checkpoint: Checkpoint; key: Key }> {
  const { text, key } = await readNote(note, keys);
  return { checkpoint: readCheckpoint(text), key };
}

async function compare(shown: Checkpoint, { consistency }: Proofs, kept: Kept | null): Promise<Standing> {
  if (!kept) return "well";
  if (shown.origin !== kept.origin) return "other_log";
  const held = readCheckpoint(kept.newest.note.split("\n\n")[0] ?? ""); // checked when it was kept
  if (shown.size < held.size) return "rewound";
  if (shown.size === held.size) return same(shown.root, held.root) ? "well" : "forked";
  const path = hashes(consistency);
  const follows = path && (await extends_(held.root, held.size, shown.root, shown.size, path));
  return follows ? "well" : "forked";
}

async function judgeOne(
  entry: JournalEntry,
  proof: Proof | undefined,
  { root, size }: Checkpoint,
): Promise<Verdict> {
  if (!proof) return "unfit"; // shown, and without a leaf
  if (proof.seq > size) return "waiting";
  const path = hashes(proof.path);
  if (!path) return "unproved";
  const isIn = (leaf: Bytes) => includes(root, size, proof.seq - 1, leaf, path);
  const made = await leafOf(proof);
  if (made && (await isIn(made))) return isShownAs(proof, entry) ? "proved" : "shown";
  return (await isIn(fromBase64(proof.leaf))) ? "changed" : "unfit";
}

/** Salts or hashes that are none prove nothing. */
function unreadable(error: unknown): Verdict {
  console.warn("a proof cannot be read", error);
  return "unfit";
}

const hashes = (texts: string[] | null): Bytes[] | null => texts?.map(fromBase64) ?? null;
