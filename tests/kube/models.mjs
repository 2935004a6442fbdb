// models.mjs DIR FILE…: each document of each file against the published schema and the types of its kind
// (DIR/node_modules has them): the schema finds wrong values, the types find fields that there are not. YAML is
// read by python3, as its readers in npm differ.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const dir = path.resolve(process.argv[2]);
const files = process.argv.slice(3);
const reader = "import json, sys, yaml; print(json.dumps([d for f in sys.argv[1:] for d in yaml.safe_load_all(open(f)) if d]))";
const documents = JSON.parse(execFileSync("python3", ["-c", reader, ...files], { maxBuffer: 1 << 26 }));
let wrong = 0;

function say(doc, why) {
  wrong++;
  console.log(`${doc.kind} ${doc.metadata && doc.metadata.name}: ${why}`);
}

function module_of(doc) {
  const [group, version] = doc.apiVersion.includes("/") ? doc.apiVersion.split("/") : ["", doc.apiVersion];
  const base = group === "monitoring.coreos.com" ? "@kubernetes-models/prometheus-operator" : "kubernetes-models";
  return path.posix.join(base, group, version, doc.kind);
}

for (const doc of documents) {
  try {
    const file = path.join(dir, "node_modules", `${module_of(doc)}.js`);
    const model = (await import(pathToFileURL(file)))[doc.kind];
    new model(doc).validate();
  } catch (e) {
    say(doc, e.message);
  }
}

// A literal may have no member that its type has not.
const work = mkdtempSync(path.join(dir, "types."));
try {
  const text = documents.map((doc, i) =>
    `import type { I${doc.kind} as T${i} } from "${module_of(doc)}";\nexport const d${i}: T${i} = ${JSON.stringify(doc, null, 1)};\n`);
  writeFileSync(path.join(work, "documents.ts"), text.join(""));
  const tsc = path.join(dir, "node_modules", "typescript", "bin", "tsc");
  const got = spawnSync("node", [tsc, "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext",
    "--moduleResolution", "nodenext", path.join(work, "documents.ts")], { encoding: "utf8" });
  if (got.status !== 0) {
    wrong++;
    console.log(got.stdout);
  }
} finally {
  rmSync(work, { recursive: true });
}
console.log(`${documents.length} documents, ${wrong} wrong`);
process.exit(wrong || !documents.length ? 1 : 0);
