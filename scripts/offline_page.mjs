// Makes the offline checker, node/src/portal/assets/offline.html: one file with the verifier, the portal's own scripts,
// its style and both languages inside. The file is kept in the repository, so that its hash is the same wherever it is
// built and can be published; `--check` says whether it is what its parts make now.
//
//   node scripts/offline_page.mjs [--check]
//
// It joins modules that are written in this repository's forms (named imports from "./file.js", exported functions,
// classes and constants) and what wasm-bindgen writes, and stops at anything else.

import { createHash } from "node:crypto";
import { dirname, relative, resolve } from "node:path";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const portal = resolve(root, "node/src/portal");
const assets = (/** @type {string} */ name) => resolve(portal, "assets", name);
const page = assets("offline.html");

/** The page as its parts make it. */
export function offlinePage() {
  const parts = {
    css: `${read(assets("portal.css"))}\n${read(assets("checks.css"))}`,
    "messages-en": json(read(assets("messages.en.json"))),
    "messages-zh": json(read(assets("messages.zh.json"))),
    wasm: readFileSync(assets("verifier_bg.wasm")).toString("base64"),
    script: joinModules(resolve(portal, "offline/offline.js")),
  };
  if (/<\/style/i.test(parts.css) || /url\(/i.test(parts.css))
    throw new Error("a style closes its own element or loads something");
  if (/<\/script|<!--/i.test(parts.script)) throw new Error("a script holds what would end its own element");
  const template = read(resolve(portal, "offline/template.html"));
  return template.replace(/\{\{([\w-]+)\}\}/g, (whole, name) => {
    if (!(name in parts)) throw new Error(`the template wants ${whole}, which nothing makes`);
    return parts[name];
  });
}

function read(file) {
  if (!existsSync(file)) throw new Error(`${relative(root, file)} is missing; build the verifier first`);
  return readFileSync(file, "utf8");
}

/** JSON that can stand in an element. */
function json(text) {
  return JSON.stringify(JSON.parse(text)).replaceAll("<", "\\u003c");
}

/** A module and all that it imports, each in a function of its own, in the order in which they need each other. */
export function joinModules(entry) {
  const done = new Map();
  const output = [];
  const visit = (file, path) => {
    if (done.has(file)) return done.get(file);
    if (path.includes(file))
      throw new Error(
        `modules import each other in a circle: ${[...path, file].map((name) => relative(root, name)).join(" -> ")}`,
      );
    const name = `module_${done.size + path.length}_${file.replace(/^.*\/|\.js$/g, "").replace(/\W/g, "_")}`;
    const text = rewritten(file, (dependency) => visit(resolve(dirname(file), dependency), [...path, file]));
    const is_entry = path.length === 0;
    output.push(
      is_entry ? text.body : `const ${name} = (() => {\n${text.body}\nreturn { ${text.exports.join(", ")} };\n})();`,
    );
    done.set(file, name);
    return name;
  };
  visit(entry, []);
  return output.join("\n");
}

/** A module's text with its imports read from other modules' objects, and what it exports. */
function rewritten(file, nameOf) {
  const exports = [];
  let body = read(file);
  body = body.replace(/^import\s+([^"';]+?)\s+from\s+["'](\.{1,2}\/[^"']+)["'];$/gm, (_, what, from) =>
    imported(what, nameOf(from)),
  );
  body = body.replace(/^export\s+\{([^}]*)\};?$/gm, (_, list) => {
    for (const item of list
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean)) {
      const [own, as = own] = item.split(/\s+as\s+/);
      exports.push(as === own ? own : `${as}: ${own}`);
    }
    return "";
  });
  body = body.replace(/^export\s+((?:async\s+)?(?:function\*?|class|const)\s+(\w+))/gm, (_, declaration, name) => {
    exports.push(name);
    return declaration;
  });
  const rest = /^(?:import\b(?!\.meta)|export\b).*$/m.exec(body);
  if (rest) throw new Error(`${relative(root, file)}: this form cannot be joined: ${rest[0]}`);
  return { body, exports };
}

function imported(what, from) {
  const names = (text) => text.replace(/\s+as\s+/g, ": ");
  const braces = /^\{([^}]*)\}$/.exec(what.trim());
  if (braces) return `const {${names(braces[1])}} = ${from};`;
  const whole = /^(?:(\w+)\s*,\s*)?\*\s+as\s+(\w+)$/.exec(what.trim());
  if (whole)
    return [whole[1] && `const ${whole[1]} = ${from}.default;`, `const ${whole[2]} = ${from};`]
      .filter(Boolean)
      .join(" ");
  const both = /^(\w+)(?:\s*,\s*\{([^}]*)\})?$/.exec(what.trim());
  if (both)
    return [`const ${both[1]} = ${from}.default;`, both[2] && `const {${names(both[2])}} = ${from};`]
      .filter(Boolean)
      .join(" ");
  throw new Error(`this import cannot be joined: ${what}`);
}

function main() {
  const made = offlinePage();
  const sha256 = createHash("sha256").update(made).digest("hex");
  if (process.argv.includes("--check")) {
    if (!existsSync(page) || read(page) !== made) {
      console.error(
        "node/src/portal/assets/offline.html is not what its parts make: run `node scripts/offline_page.mjs`",
      );
      process.exit(1);
    }
  } else {
    writeFileSync(page, made);
  }
  console.log(`offline.html: ${made.length} characters, SHA-256 ${sha256}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
