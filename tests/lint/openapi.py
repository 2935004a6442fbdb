#!/usr/bin/env python3
"""conf/openapi.yaml says what the program does: every row of routes.def is in it and nothing else,
with the same query names; and a fully populated noun (the output of the unit test wire/show --print,
named as the argument) has exactly the members of its schema. Lists of words are those of kinds.h."""
import json, re, subprocess, sys
import yaml

errors = []
api = yaml.safe_load(open("conf/openapi.yaml"))
schemas = api["components"]["schemas"]
text = open("lib/wire/routes.def").read()
rows = re.findall(r'^ROUTE\((\w+), "([^"]+)", (\w+), (\w+), (\w+),\s*"([^"]*)",\s*"([^"]*)"\)', text, re.M)
if len(rows) != len(re.findall(r"^ROUTE\(", text, re.M)):
    errors.append("routes.def has a row that this script cannot read")

wanted = {(path, method.lower()): (query, sentence) for method, path, _, _, _, query, sentence in rows}
described = {(p, m): op for p, item in api["paths"].items() for m, op in item.items() if m != "parameters"}
for key in sorted(set(wanted) ^ set(described)):
    errors.append(f"{key[1].upper()} {key[0]}: only in " + ("routes.def" if key in wanted else "openapi.yaml"))
for key in sorted(set(wanted) & set(described)):
    query, sentence = wanted[key]
    have = {p["name"] for p in described[key].get("parameters", []) if p.get("in") == "query"}
    want = {q.rstrip("*") for q in query.split()}
    if have != want:
        errors.append(f"{key[1].upper()} {key[0]}: query names differ: {sorted(have ^ want)}")
    if described[key]["summary"] != sentence:
        errors.append(f"{key[1].upper()} {key[0]}: the summary is not the sentence of routes.def")
    params = {p.get("name") or p["$ref"].split("/")[-1] for p in api["paths"][key[0]].get("parameters", [])}
    if params != set(re.findall(r"{(\w+)}", key[0])):
        errors.append(f"{key[0]}: path parameters differ")


def resolve(schema):
    while "$ref" in schema:
        schema = schemas[schema["$ref"].split("/")[-1]]
    return schema


def check(value, schema, where):
    """Types, words and unknown members; collects every object schema's members that were seen."""
    name = schema.get("$ref", "").split("/")[-1]
    schema = resolve(schema)
    if "enum" in schema and value not in schema["enum"]:
        errors.append(f"{where}: {value!r} is not in the list")
    if "pattern" in schema and not re.match(schema["pattern"], value):
        errors.append(f"{where}: {value!r} does not fit {schema['pattern']}")
    if isinstance(value, list):
        for i, v in enumerate(value):
            check(v, schema.get("items", {}), f"{where}[{i}]")
    if not isinstance(value, dict):
        return
    seen.setdefault(name or where, set()).update(value)
    props, extra = schema.get("properties", {}), schema.get("additionalProperties", True)
    for member in schema.get("required", []):
        if member not in value:
            errors.append(f"{where}: {member} is required and missing")
    for member, v in value.items():
        if member in props:
            check(v, props[member], f"{where}.{member}")
        elif isinstance(extra, dict):
            check(v, extra, f"{where}.{member}")
        elif extra is False:
            errors.append(f"{where}: {member} is not in the schema")


seen = {}
nouns = set()
if len(sys.argv) > 1:
    for line in subprocess.run([sys.argv[1], "--print"], check=True, capture_output=True, text=True).stdout.splitlines():
        name, body = line.split(" ", 1)
        nouns.add(name)
        check(json.loads(body), {"$ref": f"#/components/schemas/{name}"}, name)
    for name in sorted(nouns - {"Event"}):
        # what bytes that are UTF-8 cannot show, and what only one answer adds
        rare = {m for m in schemas[name]["properties"] if m.endswith("_b64")} | {"items"}
        for member in sorted(set(schemas[name]["properties"]) - seen.get(name, set()) - rare):
            errors.append(f"{name}: no fully populated noun has {member}")

kinds = open("lib/model/kinds.h").read()
for macro, name in (("EVENT_TYPES", "EventType"), ("SEVERITIES", "Severity"), ("ASPECTS", "Aspect"), ("LEVELS", "Level")):
    body = re.search(r"#define %s\(X\)(.*?[^\\])\n" % macro, kinds, re.S).group(1)
    if re.findall(r'X\(\w+, "([^"]+)"', body) != schemas[name]["enum"]:
        errors.append(f"{name}: the words are not those of {macro} in kinds.h")

for e in errors:
    print("openapi:", e, file=sys.stderr)
sys.exit(1 if errors else 0)
