// Bytes, base64 and SHA-256, as the proofs need them.

export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

export const utf8 = (text: string): Bytes => encoder.encode(text) as Bytes;

/** Throws for what is no base64, or not as we write it. */
export function fromBase64(text: string): Bytes {
  const found = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  if (toBase64(found) !== text) throw new Error("this is no base64 as we write it");
  return found;
}

export const toBase64 = (bytes: Bytes): string => btoa(String.fromCharCode(...bytes));

export function joined(...parts: Bytes[]): Bytes {
  const found = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    found.set(part, at);
    at += part.length;
  }
  return found;
}

export const same = (one: Bytes, other: Bytes): boolean =>
  one.length === other.length && one.every((byte, place) => byte === other[place]);

export async function sha256(...parts: Bytes[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
}
