// Networks and nodes as processes: the honest network, another government's, and single nodes that lie. Everything that
// was started is ended by its own process id, whatever becomes of the tests.

import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const TARGET = process.env.CARGO_TARGET_DIR ?? join(process.env.HOME ?? "/tmp", ".cache/chancery/target");
export const CHANCERY = process.env.CHANCERY ?? join(TARGET, "debug/chancery");
export const LIAR = process.env.CHANCERY_LIAR ?? join(TARGET, "debug/examples/liar");

const NETWORK_TIMEOUT_MS = 180_000;
const NODE_TIMEOUT_MS = 60_000;

/** Processes that are to end with this one. */
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGTERM")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

/** Starts a program that shares this one's output and ends with it; resolves to its exit code. */
export function runBeside(program, arguments_) {
  const child = spawn(program, arguments_, { stdio: "inherit" });
  running.add(child);
  return new Promise((resolve) =>
    child.once("exit", (code) => {
      running.delete(child);
      resolve(code ?? 1);
    }));
}

/** A new directory that is removed in the end, unless KEEP is set. */
export function temporaryDirectory(name) {
  const path = mkdtempSync(join(tmpdir(), `chancery-${name}-`));
  process.on("exit", () => process.env.KEEP || rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Waits for a process's end. */
function ended(child) {
  return child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once("exit", resolve));
}

async function stop(child) {
  child.kill("SIGTERM");
  await ended(child);
  running.delete(child);
}

/**
 * Founds a network by scripts/portal_network.sh and waits until all of it stands.
 * @param {Record<string, string>} settings of the script
 * @returns {Promise<{facts: any, stop: () => Promise<void>}>}
 */
export async function startNetwork(settings = {}) {
  const directory = temporaryDirectory("portal");
  const env = { ...process.env, CHANCERY, ...settings };
  const child = spawn(join(ROOT, "scripts/portal_network.sh"), [directory], { env, stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  let told = "";
  child.stdout.on("data", (chunk) => (told += chunk));
  await until(() => told.includes("portal: ready") || child.exitCode !== null, NETWORK_TIMEOUT_MS, "the network stands");
  if (child.exitCode !== null) throw new Error(`the network was not founded (exit code ${child.exitCode})`);
  const facts = JSON.parse(readFileSync(join(directory, "portal.json"), "utf8"));
  return { facts, stop: () => stop(child) };
}

/** Waits until `done` says so. */
export async function until(done, timeout_ms, what) {
  const began = Date.now();
  while (!(await done())) {
    if (Date.now() - began > timeout_ms) throw new Error(`not within ${timeout_ms / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Runs a program to its end and returns what it printed; `fails` says that it is to fail. */
export function run(program, arguments_, { fails = false } = {}) {
  const result = spawnSync(program, arguments_, { encoding: "utf8" });
  if ((result.status !== 0) !== fails) {
    throw new Error(`${program} ${arguments_.join(" ")} ended with ${result.status}: ${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}

/** Copies a stopped node's directory for a node of its own. */
export function copyNode(directory) {
  const copy = join(temporaryDirectory("liar"), "node");
  cpSync(directory, copy, { recursive: true });
  const config = join(copy, "node.toml");
  const text = readFileSync(config, "utf8").replaceAll(directory, copy);
  // Its peers are gone: nothing listens where it looks for them.
  writeFileSync(config, text);
  return copy;
}

/** Alters a copy of a node by the example `liar`: what it is told stands there. */
export function alter(copy, chain, lie, ...what) {
  return run(LIAR, [join(copy, "store"), chain, lie, ...what]);
}

/** Starts a node from a directory; its API listens at `listen`. */
export function startNode(directory, listen) {
  const log = join(directory, "log");
  const command = 'exec "$0" node --config "$1" --listen "$2" >>"$3" 2>&1';
  const child = spawn("bash", ["-c", command, CHANCERY, join(directory, "node.toml"), listen, log],
    { env: { ...process.env, CHANCERY_LOG_FILTER: "warn" }, stdio: "ignore" });
  running.add(child);
  return {
    url: `http://${listen}`,
    log: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
    runs: () => child.exitCode === null && child.signalCode === null,
    stop: () => stop(child),
  };
}

/** Starts a node whose peers are gone, and waits until it answers for all of its chains, which are so many. */
export async function startAlone(directory, listen, chains = 4) {
  const node = startNode(directory, listen);
  const answers = async () => {
    const answer = await fetch(`${node.url}/v1/chains`).catch(() => undefined);
    // Its sidechains start after the mainchain; all of them must be there.
    return answer?.ok && (await answer.json()).length >= chains;
  };
  await until(async () => !node.runs() || (await answers()), NODE_TIMEOUT_MS, `the node at ${node.url} answers`);
  if (!node.runs()) throw new Error(`the node ended: ${node.log().slice(-2000)}`);
  return node;
}

/** A port on loopback that nobody listens on. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
