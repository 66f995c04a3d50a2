// Every page of the portal that the network under test can show, by a name of its own.

import { facts, url } from "./facts.mjs";

/** Pages as `[name, path behind the language]`. */
export async function pages() {
  const chain = await (await fetch(`${url}/v1/chains/evidence`)).json();
  const transaction = await aTransaction();
  const { drawn, open, winners, loser } = facts.lottery;
  return [
    ["home", "/"],
    ["check", "/check"],
    ["check-unchecked", `/check?digest=${facts.documents.deed.digest}`],
    ["lottery", "/lottery"],
    ["lottery-drawn", `/lottery/${drawn}`],
    ["lottery-open", `/lottery/${open}`],
    ["lottery-winner", `/lottery/${drawn}?entry=${winners[0]}`],
    ["lottery-loser", `/lottery/${drawn}?entry=${loser}`],
    ["waste", "/waste"],
    ["waste-household", `/waste?household=${facts.waste.household}`],
    ["trust", "/trust"],
    ["explorer", "/explorer"],
    ["explorer-main", "/explorer/main"],
    ["explorer-evidence", "/explorer/evidence"],
    ["block", `/explorer/evidence/blocks/${Math.max(1, chain.height - 1)}`],
    ["transaction", `/explorer/evidence/transactions/${transaction}`],
    ["contracts", "/explorer/evidence/contracts"],
    ["contract", "/explorer/evidence/contracts/evidence"],
    ["lanes", "/explorer/main/lanes"],
    ["nodes", "/explorer/main/nodes"],
    ["missing", "/explorer/nowhere"],
  ];
}

/** The digest of some transaction on the chain `evidence`: the last one that is in a block. */
export async function aTransaction() {
  const { height } = await (await fetch(`${url}/v1/chains/evidence`)).json();
  for (let at = height; at > 0; at -= 1) {
    const block = await (await fetch(`${url}/v1/chains/evidence/blocks/${at}`)).json();
    const found = JSON.stringify(block.transactions ?? []).match(/[0-9a-f]{64}/);
    if (found) return found[0];
  }
  throw new Error("no block of the chain evidence has a transaction");
}
