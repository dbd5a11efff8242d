// Proofs of an append-only log, checked with nothing but hashes: RFC 9162 §2.1.3.2 (inclusion) and §2.1.4.2
// (consistency) over the tree of RFC 6962 §2.1. Sizes and positions are numbers of leaves, from 0.
// The same as server/journal/merkle.py, written anew: who checks should not run the code of whom he checks.
import { type Bytes, same, sha256 } from "./bytes";

const HASH_LEN = 32;
/** Hashes of one proof; more than any log that fits on a disk. */
const PROOF_LEN_MAX = 64;
const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

export const leafHash = (data: Bytes): Promise<Bytes> => sha256(LEAF, data);
const nodeHash = (left: Bytes, right: Bytes): Promise<Bytes> => sha256(NODE, left, right);

const isOdd = (number: number): boolean => number % 2 === 1;
const half = (number: number): number => Math.floor(number / 2);
const isPower = (number: number): boolean => Number.isInteger(Math.log2(number));
const isProof = (proof: Bytes[]): boolean =>
  proof.length <= PROOF_LEN_MAX && proof.every(({ length }) => length === HASH_LEN);

/** Whether the proof leads from the leaf's hash at `index` to the root of `size` leaves. */
export async function includes(
  root: Bytes,
  size: number,
  index: number,
  leaf: Bytes,
  proof: Bytes[],
): Promise<boolean> {
  if (index < 0 || index >= size || !isProof(proof)) return false;
  let [number, last, found] = [index, size - 1, leaf];
  for (const each of proof) {
    if (last === 0) return false;
    if (isOdd(number) || number === last) {
      found = await nodeHash(each, found);
      while (!isOdd(number) && number > 0) [number, last] = [half(number), half(last)];
    } else {
      found = await nodeHash(found, each);
    }
    [number, last] = [half(number), half(last)];
  }
  return last === 0 && same(found, root);
}

/** Whether the proof shows that the tree of `size` leaves begins with the one of `old`, from 1. */
export async function extends_(
  oldRoot: Bytes,
  old: number,
  root: Bytes,
  size: number,
  proof: Bytes[],
): Promise<boolean> {
  if (old < 1 || old > size || !isProof(proof)) return false;
  if (old === size) return proof.length === 0 && same(oldRoot, root);
  const [first, ...rest] = isPower(old) ? [oldRoot, ...proof] : proof;
  if (!first) return false;
  let [number, last] = [old - 1, size - 1];
  while (isOdd(number)) [number, last] = [half(number), half(last)];
  let [before, after] = [first, first];
  for (const each of rest) {
    if (last === 0) return false;
    if (isOdd(number) || number === last) {
      before = await nodeHash(each, before);
      after = await nodeHash(each, after);
      while (!isOdd(number) && number > 0) [number, last] = [half(number), half(last)];
    } else {
      after = await nodeHash(after, each);
    }
    [number, last] = [half(number), half(last)];
  }
  return last === 0 && same(before, oldRoot) && same(after, root);
}
