// A document's digest is that of its salt and all its bytes, whatever the pieces.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Unreadable, digests } from "../../../node/src/portal/assets/hashing.js";

class Hasher {
  constructor(salt) {
    this.hash = createHash("sha256").update(salt);
  }
  update(bytes) {
    this.hash.update(bytes);
  }
  finish() {
    return new Uint8Array(this.hash.digest());
  }
}

const bytes = Uint8Array.from({ length: 10_001 }, (_, at) => (at * 31) & 0xff);
const expected = (salt, content) => createHash("sha256").update(salt).update(content).digest("hex");
const hex = (digest) => Buffer.from(digest).toString("hex");

test("several salts are hashed in one reading, in pieces of any size", async () => {
  const salts = [Uint8Array.of(1), new Uint8Array(32), new Uint8Array()];
  for (const piece_bytes of [1000, 10_001, 1 << 20]) {
    const told = [];
    const found = await digests(new Blob([bytes]), salts, Hasher, (done, total) => told.push([done, total]), {
      piece_bytes,
    });
    assert.deepEqual(
      found.map(hex),
      salts.map((salt) => expected(salt, bytes)),
    );
    assert.deepEqual(told.at(-1), [10_001, 10_001]);
    assert.equal(told.length, Math.ceil(10_001 / piece_bytes));
  }
});

test("an empty document has the digest of its salt", async () => {
  const [found] = await digests(new Blob([]), [Uint8Array.of(7)], Hasher, () => {});
  assert.equal(hex(found), expected(Uint8Array.of(7), ""));
});

test("a file that is taken away meanwhile is unreadable, not shorter", async () => {
  const gone = {
    size: 10,
    slice: () => ({
      arrayBuffer: async () => {
        throw new DOMException("gone", "NotReadableError");
      },
    }),
  };
  await assert.rejects(
    digests(gone, [new Uint8Array()], Hasher, () => {}),
    Unreadable,
  );
  const shrunk = { size: 10, slice: () => ({ arrayBuffer: async () => new ArrayBuffer(0) }) };
  await assert.rejects(
    digests(shrunk, [new Uint8Array()], Hasher, () => {}),
    Unreadable,
  );
});

test("a cancelled reading ends", async () => {
  const controller = new AbortController();
  const run = digests(new Blob([bytes]), [new Uint8Array()], Hasher, () => controller.abort(), {
    piece_bytes: 1000,
    signal: controller.signal,
  });
  await assert.rejects(run, { name: "AbortError" });
});
