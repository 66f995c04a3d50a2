// What the network under test holds, as run.mjs told: for the files that node's test runner runs as processes of their own.

import { readFileSync } from "node:fs";

if (!process.env.PORTAL_FACTS) throw new Error("run these tests by `node run.mjs`, which founds a network for them");
export const facts = JSON.parse(readFileSync(process.env.PORTAL_FACTS, "utf8"));

/** The first node, which is of every chain. */
export const url = facts.nodes[0].url;

/** A public field's entry as the node has it: `{key, slot, height, present, value, raw, proof}`. */
export async function field(at, contract, name, key, node = url) {
  const query = key === undefined ? "" : `?key=${encodeURIComponent(typeof key === "string" ? key : JSON.stringify(key))}`;
  const answer = await fetch(`${node}/v1/chains/${at}/contracts/${contract}/fields/${name}${query}`);
  if (!answer.ok) throw new Error(`field ${name} of ${contract}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** The first page of a public field's entries. */
export async function entries(at, contract, name) {
  const answer = await fetch(`${url}/v1/chains/${at}/contracts/${contract}/fields/${name}/entries`);
  if (!answer.ok) throw new Error(`entries of ${name} of ${contract}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).entries;
}

/** The trust anchor as bytes in hexadecimal, as browsers keep it. */
export const anchorHex = readFileSync(facts.anchor).toString("hex");

/** What a browser remembers that has been at this node before. */
export function remembered(origin, anchor = anchorHex) {
  return { cookies: [], origins: [{ origin, localStorage: [{ name: "chancery.anchor", value: anchor }] }] };
}
