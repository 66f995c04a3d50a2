// What the tests check with: the real verifier, and a fetch that gives back what a node answered, or what a test makes of
// it.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import init, * as verifier from "../../../node/src/portal/assets/verifier.js";
import { NodeApi } from "../../../node/src/portal/assets/api.js";

const here = (name) => new URL(`fixtures/${name}`, import.meta.url);
const assets = new URL("../../../node/src/portal/assets/", import.meta.url);
await init({ module_or_path: readFileSync(new URL("verifier_bg.wasm", assets)) });

export { verifier };
export const recorded = JSON.parse(readFileSync(here("answers.json"), "utf8"));
const codes = {
  evidence: gunzipSync(readFileSync(here("evidence.wasm.gz"))),
  "plate-lottery": gunzipSync(readFileSync(here("plate-lottery.wasm.gz"))),
};

export const EVIDENCE = { chain: "evidence", contract: "evidence" };
export const PLATES = { chain: "plates", contract: "plate-lottery" };
export const ANCHOR = Uint8Array.from(Buffer.from(recorded.answers["/v1/chains/main/anchor"].hex, "hex"));
/** An anchor of other departments: the same but for a digit of the genesis. */
export const OTHER_ANCHOR = Uint8Array.from(ANCHOR);
OTHER_ANCHOR[Buffer.from(ANCHOR).indexOf("main") + 4] ^= 1;

/** The time at which the answers were given. */
export const NOW = (() => {
  const deed = recorded.answers[fieldPath(EVIDENCE, "records", recorded.deed)].json;
  return JSON.parse(verifier.verify(Buffer.from(deed.proof, "hex"), ANCHOR)).timestamp_ms + 1000;
})();

export function fieldPath(place, field, key) {
  return `/v1/chains/${place.chain}/contracts/${place.contract}/fields/${field}?key=${encodeURIComponent(JSON.stringify(key))}`;
}

/**
 * A node that answers as recorded, but for what `lies` makes of an answer: a function of the JSON by the path it is for.
 */
export function bench(lies = {}, anchor = ANCHOR) {
  const ask = async (path) => {
    const code = /contracts\/([\w-]+)\/code$/.exec(path);
    const lie = lies[path];
    if (lie instanceof Response) return lie;
    if (code) return new Response(lie ? lie(codes[code[1]]) : codes[code[1]]);
    const answer = recorded.answers[path];
    if (!answer) return new Response(JSON.stringify({ code: "unknown", detail: path }), { status: 404 });
    if (answer.hex) return new Response(lie ? lie(Buffer.from(answer.hex, "hex")) : Buffer.from(answer.hex, "hex"));
    return new Response(JSON.stringify(lie ? lie(structuredClone(answer.json)) : answer.json));
  };
  return { api: new NodeApi(ask, async () => {}), verifier, anchor, mainchain: "main" };
}

/** A proof in hexadecimal with one bit of a byte turned; negative places count from the end. */
export function turned(proof, place) {
  const bytes = Buffer.from(proof, "hex");
  bytes[place < 0 ? bytes.length + place : place] ^= 1;
  return bytes.toString("hex");
}
