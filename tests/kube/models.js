// models.js FILE…: each document of each file against the published schema of its kind. Fields that the
// schema does not have are errors too. YAML is read by python3, since npm's readers differ.
const { execFileSync } = require("child_process");
const path = require("path");

const reader = "import json, sys, yaml; print(json.dumps([d for f in sys.argv[1:] for d in yaml.safe_load_all(open(f)) if d]))";
const documents = JSON.parse(execFileSync("python3", ["-c", reader, ...process.argv.slice(2)], { maxBuffer: 1 << 26 }));

function model(doc) {
  const [group, version] = doc.apiVersion.includes("/") ? doc.apiVersion.split("/") : ["", doc.apiVersion];
  const base = group === "monitoring.coreos.com" ? "@kubernetes-models/prometheus-operator" : "kubernetes-models";
  return require(path.posix.join(base, group, version, doc.kind))[doc.kind];
}

let wrong = 0;
for (const doc of documents) {
  try {
    new (model(doc))(doc).validate();
  } catch (e) {
    wrong++;
    console.log(`${doc.kind} ${doc.metadata && doc.metadata.name}: ${e.message}`);
  }
}
console.log(`${documents.length} documents, ${wrong} wrong`);
process.exit(wrong || !documents.length ? 1 : 0);
