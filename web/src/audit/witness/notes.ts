// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint), read and checked with WebCrypto's Ed25519.
import { type Bytes, fromBase64, same, sha256, utf8 } from "./bytes";

const ED25519 = 1;
const KEY_LEN = 32;
const ID_LEN = 4;
const ROOT_LEN = 32;
const MARK = "\u2014 ";
const KEY_TITLE = "ridgeline log key";

/** What was read is no note, or no key signed it that is known here. */
export class NoteError extends Error {}

/** A public key, as signed notes write it: `<name>+<id>+<base64>`. */
export interface Key {
  text: string;
  name: string;
  id: Bytes;
  public: Bytes;
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: Bytes;
}

export async function readKey(text: string): Promise<Key> {
  const [, name = "", id = "", encoded = ""] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  const data = bytes(encoded);
  if (!name || data[0] !== ED25519 || data.length !== 1 + KEY_LEN)
    throw new NoteError("this is no Ed25519 key of a signed note");
  const found = (await sha256(utf8(`${name}\n`), data)).slice(0, ID_LEN);
  if (hex(found) !== id) throw new NoteError("the id of the key does not fit");
  return { text, name, id: found, public: data.slice(1) };
}

/** What a note says that one of the keys signed, and that key. Throws `NoteError`. */
export async function readNote(note: string, keys: Key[]): Promise<{ text: string; key: Key }> {
  const end = note.lastIndexOf("\n\n");
  if (end < 0 || !note.endsWith("\n")) throw new NoteError("this is no signed note");
  const text = note.slice(0, end + 1);
  for (const line of note.slice(end + 2, -1).split("\n")) {
    if (!line.startsWith(MARK)) throw new NoteError("this is no signed note");
    const [name, encoded = ""] = line.slice(MARK.length).split(" ");
    const data = bytes(encoded);
    for (const key of keys) {
      if (key.name !== name || !same(key.id, data.slice(0, ID_LEN))) continue;
      if (await signed(key, text, data.slice(ID_LEN))) return { text, key };
    }
  }
  throw new NoteError("no key that is known here signed this");
}

/** Of the text of a note. Throws `NoteError`. */
export function readCheckpoint(text: string): Checkpoint {
  const [origin = "", size = "", root = ""] = text.split("\n");
  const found = { origin, size: Number(size), root: bytes(root) };
  if (!origin || !/^[1-9][0-9]*$/.test(size) || found.root.length !== ROOT_LEN)
    throw new NoteError("this is no checkpoint");
  if (!Number.isSafeInteger(found.size)) throw new NoteError("no log has so many entries");
  return found;
}

/** The keys, and those that they announced one after the other for this log. */
export async function following(known: Key, origin: string, announcements: string[]): Promise<Key[]> {
  const found = [known];
  for (const note of announcements) {
    try {
      const { text } = await readNote(note, found);
      const [title, of, key = ""] = text.split("\n");
      if (title === KEY_TITLE && of === origin) found.push(await readKey(key));
    } catch (error) {
      if (!(error instanceof NoteError)) throw error; // by a key from before the one known here
    }
  }
  return found;
}

async function signed(key: Key, text: string, signature: Bytes): Promise<boolean> {
  const made = await crypto.subtle.importKey("raw", key.public, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", made, signature, utf8(text));
}

function bytes(text: string): Bytes {
  try {
    return fromBase64(text);
  } catch {
    throw new NoteError("this is no base64");
  }
}

const hex = (data: Bytes): string => Array.from(data, (each) => each.toString(16).padStart(2, "0")).join("");
