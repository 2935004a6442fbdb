#!/usr/bin/env python3
"""Is standard input a bill of materials of the format named: does it fit its schema's shape, is each reference to
something that is there, is no name given twice? Prints what is wrong, and ends with 1."""
import json
import pathlib
import sys

SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "gold" / "schema"


def shape(form, document):
    try:
        import jsonschema
    except ImportError:
        print("python3-jsonschema is not there: only references are looked at", file=sys.stderr)
        return []
    schema = json.loads((SCHEMA / (form + ".json")).read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return [f"{list(e.path)}: {e.message[:200]}" for e in jsonschema.Draft7Validator(schema).iter_errors(document)]


def twice(names):
    seen = set()
    return [f"{n} is there twice" for n in names if n in seen or seen.add(n)]


def references(form, document):
    if form == "cyclonedx":
        return twice([c["bom-ref"] for c in document["components"]] + [document["metadata"]["component"]["bom-ref"]])
    ids = [x["SPDXID"] for x in [document] + document["packages"] + document["files"]]
    known = set(ids)
    wrong = [r for r in document["relationships"] if not {r["spdxElementId"], r["relatedSpdxElement"]} <= known]
    return twice(ids) + [f"it relates what is not there: {r}" for r in wrong]


def main():
    document = json.load(sys.stdin)
    wrong = shape(sys.argv[1], document) + references(sys.argv[1], document)
    print("\n".join(wrong[:10]), end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
