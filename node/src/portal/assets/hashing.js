// @ts-check
// A document's digest under one or several salts, in one reading, piece by piece: files of many gigabytes are never held
// in memory, and the next piece is read while the last one is hashed. It runs in the worker, and on the page itself where
// there can be none.

/**
 * @typedef {{update: (bytes: Uint8Array) => void, finish: () => Uint8Array}} HasherLike
 */

/** Bytes that are read at once. */
export const PIECE_BYTES = 4 * 1024 * 1024;

/** The file could not be read to its end: it was changed, moved or taken away meanwhile. */
export class Unreadable extends Error {}

/**
 * @param {Blob} file
 * @param {Uint8Array[]} salts
 * @param {new (salt: Uint8Array) => HasherLike} Hasher
 * @param {(done: number, total: number) => void} progress
 * @param {{signal?: AbortSignal, piece_bytes?: number}} [options]
 * @returns {Promise<Uint8Array[]>} a digest for each salt
 */
export async function digests(file, salts, Hasher, progress, options = {}) {
  const piece_bytes = options.piece_bytes ?? PIECE_BYTES;
  const hashers = salts.map((salt) => new Hasher(salt));
  let next = read(file, 0, piece_bytes);
  for (let done = 0; done < file.size;) {
    const piece = await next;
    options.signal?.throwIfAborted();
    if (piece.length === 0) throw new Unreadable("the file became shorter while it was read");
    const after = done + piece.length;
    if (after < file.size) next = read(file, after, piece_bytes);
    for (const hasher of hashers) hasher.update(piece);
    done = after;
    progress(done, file.size);
  }
  return hashers.map((hasher) => hasher.finish());
}

/** @param {Blob} file @param {number} at @param {number} count */
async function read(file, at, count) {
  try {
    return new Uint8Array(await file.slice(at, Math.min(at + count, file.size)).arrayBuffer());
  } catch (error) {
    throw new Unreadable(String(error));
  }
}
