// Runs the portal's tests: founds a network, has the honest tests run against it, stops it, and has the liars begin.
//
//   node run.mjs                all of it
//   node run.mjs check liars    the files named so
//   node run.mjs --smoke        one document and one liar, for `make test`
//   node run.mjs --pictures     writes docs/portal/*.png anew
//
// KEEP=1 leaves the directories; PORTAL_FACTS=FILE takes a network that stands already (scripts/portal_network.sh DIR).

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { runBeside, startNetwork, temporaryDirectory } from "./network.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
/** In their order. A large file and the throttled phone come when nothing else runs. */
const HONEST = ["check", "trust", "lottery", "waste", "explorer", "offline", "accessibility", "without_script", "large_file", "weight", "committee"];

const wanted = process.argv.slice(2);
const smoke = wanted.includes("--smoke");
const pictures = wanted.includes("--pictures");
const named = wanted.filter((name) => !name.startsWith("--"));
const chosen = (names) => names.filter((name) => named.length === 0 || named.includes(name));

const facts_file = join(temporaryDirectory("facts"), "facts.json");
const network = process.env.PORTAL_FACTS ? undefined : await startNetwork();
const facts = network?.facts ?? JSON.parse(readFileSync(process.env.PORTAL_FACTS, "utf8"));
const never = neverFiled();
facts.lottery.loser = Array.from({ length: facts.lottery.entries }, (_, entry) => entry).find((entry) => !facts.lottery.winners.includes(entry));
process.env.PORTAL_FACTS = facts_file;
writeFileSync(facts_file, JSON.stringify(facts));
writeFileSync(facts_file, JSON.stringify({ ...facts, never, slots: await slots() }));

let failed = false;
if (pictures) {
  failed = (await node("pictures.mjs")) !== 0;
} else {
  const honest = smoke ? ["smoke"] : chosen(HONEST);
  if (honest.length > 0) failed = (await test(honest)) !== 0;
  await network?.stop();
  const liars = smoke ? ["smoke_liar"] : chosen(["liars"]);
  // A network that was found standing is not this program's to stop.
  if (liars.length > 0 && network) failed = (await test(liars)) !== 0 || failed;
}
await network?.stop();
process.exit(failed ? 1 : 0);

/** A document that nobody filed, with a salt and what its digest would be. */
function neverFiled() {
  const file = join(dirname(facts_file), "never.txt");
  const [salt, text] = [Buffer.alloc(32, 7), "Nobody filed this.\n"];
  writeFileSync(file, text);
  return { file, salt: salt.toString("hex"), digest: createHash("sha256").update(salt).update(text).digest("hex") };
}

/** The slots that liars lie about, as the node names them. */
async function slots() {
  const { entries, field } = await import("./facts.mjs");
  const slot = async (...what) => (await field(...what)).slot;
  const { deed, sealed } = facts.documents;
  const { drawn } = facts.lottery;
  const lottery = (name, place) => slot("plates", "plate-lottery", name, [drawn, place]);
  const neighbour = (await entries("waste", "waste-sorting", "households")).find(({ key }) => key !== facts.waste.household);
  const several = (name, count) => Promise.all(Array.from({ length: count }, (_, place) => lottery(name, place)));
  return {
    deed: await slot("evidence", "evidence", "records", deed.digest),
    sealed: await slot("evidence", "evidence", "records", sealed.digest),
    never: await slot("evidence", "evidence", "records", never.digest),
    entries: await several("entries", 8),
    ranks: await several("ranks", 3),
    win: await lottery("wins", facts.lottery.winners[0]),
    loss: await lottery("wins", facts.lottery.loser),
    household: await slot("waste", "waste-sorting", "households", facts.waste.household),
    neighbour: neighbour.slot,
  };
}

function node(file) {
  return runBeside(process.execPath, [join(HERE, file)]);
}

/** Has node's own runner run files one after the other. */
function test(names) {
  const files = names.map((name) => join(HERE, `${name}.spec.mjs`));
  return runBeside(process.execPath, ["--test", "--test-concurrency=1", "--test-reporter=spec", ...files]);
}
