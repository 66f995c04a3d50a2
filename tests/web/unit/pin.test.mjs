// The anchor that a browser knows: the first is kept, another is told apart, and a browser that keeps nothing still works.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PinStore, compared, standing } from "../../../node/src/portal/assets/pin.js";

function storage(broken = false) {
  const kept = new Map();
  const refuse = () => {
    throw new DOMException("denied", "SecurityError");
  };
  return {
    kept,
    getItem: (name) => (broken ? refuse() : (kept.get(name) ?? null)),
    setItem: (name, value) => (broken ? refuse() : kept.set(name, value)),
    removeItem: (name) => (broken ? refuse() : kept.delete(name)),
  };
}

const [one, two] = [Uint8Array.of(1, 2), Uint8Array.of(1, 3)];

test("an anchor stands to what is known as first, known, changed or unserved", () => {
  assert.equal(standing(undefined, one), "first");
  assert.equal(standing(one, Uint8Array.of(1, 2)), "known");
  assert.equal(standing(one, two), "changed");
  assert.equal(standing(one, undefined), "unserved");
  assert.equal(standing(undefined, undefined), undefined);
});

test("what is known is kept in the browser under its name, and forgotten with what was compared", () => {
  const place = storage();
  const store = new PinStore(() => place);
  store.know(one);
  assert.equal(place.kept.get("chancery.anchor"), "0102");
  assert.deepEqual(new PinStore(() => place).anchor(), one);
  store.noteCompared("ff", Date.UTC(2026, 2, 1));
  assert.equal(store.comparedOn("ff"), "2026-03-01");
  assert.equal(store.comparedOn("fe"), undefined);
  store.know(two);
  assert.equal(store.comparedOn("ff"), undefined, "another anchor was not compared");
  store.forget();
  assert.equal(store.anchor(), undefined);
  assert.equal(place.kept.size, 0);
});

test("a browser that keeps nothing knows the anchor for this page, and says that it keeps nothing", () => {
  for (const place of [
    () => storage(true),
    () => {
      throw new DOMException("denied", "SecurityError");
    },
    () => undefined,
  ]) {
    const store = new PinStore(place);
    assert.equal(store.keeps, false);
    store.know(one);
    assert.deepEqual(store.anchor(), one);
  }
});

test("what is kept and is no anchor's bytes is nothing", () => {
  const place = storage();
  for (const text of ["", "xyz", "0"]) {
    place.kept.set("chancery.anchor", text);
    assert.equal(new PinStore(() => place).anchor(), undefined, text);
  }
  place.kept.set("chancery.anchor.compared", "{");
  assert.equal(new PinStore(() => place).comparedOn("ff"), undefined);
});

test("fingerprints are compared group by group", () => {
  const known = "00".repeat(32);
  const other = `${"00".repeat(4)}11${"00".repeat(27)}`;
  assert.equal(compared(known, known).filter((row) => row.same).length, 8);
  assert.deepEqual(
    compared(known, other).map((row) => row.same),
    [true, false, true, true, true, true, true, true],
  );
  assert.equal(
    compared(known, "").some((row) => row.same),
    false,
  );
});
