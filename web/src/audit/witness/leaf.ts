// What of an entry is hashed (server/journal/leaf.py): a commitment to each field, in the order of names.
import type { JournalEntry } from "../../shared/types";
import { type Bytes, fromBase64, joined, sha256, toBase64, utf8 } from "./bytes";
import { leafHash } from "./merkle";

/** Of one entry, as the server sends it; hashes and salts in base64. */
export interface Proof {
  seq: number;
  leaf: string;
  id: number | null;
  at: string | null;
  /** Salt, and the value as its canonical JSON text: that is what was sealed. */
  fields: Record<string, [string, string]>;
  redacted: Record<string, string>;
  path: string[] | null;
}

const VERSION = "ridgeline entry v1";

/** The leaf's hash, of what was sent; null where the entry's row is gone. */
export async function leafOf({ id, at, fields, redacted }: Proof): Promise<Bytes | null> {
  if (id === null || at === null) return null;
  const commitments = new Map(Object.entries(redacted));
  for (const [name, [salt, text]] of Object.entries(fields)) {
    const said = utf8(`[${JSON.stringify(name)},${text}]`);
    commitments.set(name, toBase64(await sha256(fromBase64(salt), said)));
  }
  const names = [...commitments.keys()].sort(byCodePoint);
  const lines = names.map((name) => `${JSON.stringify(name)} ${commitments.get(name)}\n`);
  return leafHash(joined(utf8(`${VERSION}\n${id}\n${at}\n${lines.join("")}`)));
}

/** Whether the page shows what was sealed, neither more nor less nor other. */
export function isShownAs(proof: Proof, entry: JournalEntry): boolean {
  const shown: Record<string, unknown> = { actor: entry.actor, subject: entry.subject, kind: entry.kind };
  for (const [key, value] of Object.entries(entry.body)) shown[`body.${key}`] = value;
  for (const name of entry.redacted) delete shown[name];
  const names = Object.keys(shown);
  return (
    instant(entry.at) === instant(proof.at ?? "") &&
    names.length === Object.keys(proof.fields).length &&
    entry.redacted.length === Object.keys(proof.redacted).length &&
    entry.redacted.every((name) => name in proof.redacted) &&
    names.every((name) => {
      const sealed = proof.fields[name];
      return sealed !== undefined && equal(JSON.parse(sealed[1]), shown[name]);
    })
  );
}

/** To the microsecond, whichever way it is written. */
function instant(text: string): string {
  const [whole = "", fraction = ""] = text.replace(/(Z|\+00:00)$/, "").split(".");
  return `${whole}.${fraction.padEnd(6, "0")}`;
}

function equal(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return one === other;
  const [mine, theirs] = [Object.entries(one), Object.keys(other)];
  return (
    Array.isArray(one) === Array.isArray(other) &&
    mine.length === theirs.length &&
    mine.every(([key, value]) => Object.hasOwn(other, key) && equal(value, Reflect.get(other, key)))
  );
}

/** As UTF-8 orders them, not UTF-16. */
function byCodePoint(one: string, other: string): number {
  const [left, right] = [Array.from(one), Array.from(other)];
  const at = left.findIndex((each, place) => each !== right[place]);
  if (at < 0) return left.length - right.length;
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1);
}
