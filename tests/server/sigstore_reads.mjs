// What sigstore's own verifier makes of notes and proofs: JSON on standard input, JSON back. Run in web/.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/package.json`);
const { verifyCheckpoint } = require("@sigstore/verify/dist/tlog/checkpoint.js");
const { verifyMerkleInclusion } = require("@sigstore/verify/dist/tlog/merkle.js");
const bytes = (text) => Buffer.from(text, "base64");

function read({ name, key, keyId, note, index, leaf, proof }) {
  const publicKey = createPublicKey({ key: bytes(key), format: "der", type: "spki" });
  const entry = {
    canonicalizedBody: bytes(leaf),
    inclusionProof: { logIndex: String(index), hashes: proof.map(bytes), checkpoint: { envelope: note } },
  };
  try {
    const checkpoint = verifyCheckpoint(entry, [{ logID: bytes(keyId), publicKey, baseURL: name }]);
    verifyMerkleInclusion(entry, checkpoint);
    const { origin, logSize, logHash } = checkpoint;
    return { origin, size: Number(logSize), root: logHash.toString("base64") };
  } catch (error) {
    if (error.constructor.name !== "VerificationError") throw error;
    return { refused: error.message };
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(read)));
