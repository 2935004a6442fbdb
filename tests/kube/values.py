#!/usr/bin/env python3
"""values.py SCHEMA VALUES [FILE…]: the chart's values with those of each file over them, against the schema.
values.py --names SCHEMA VALUES: whether both have the same names."""
import json
import sys

import jsonschema
import yaml


def load(path):
    with open(path, encoding="utf-8") as f:
        return yaml.safe_load(f) or {}


def merged(into, more):
    for k, v in more.items():
        into[k] = merged(dict(into[k]), v) if isinstance(v, dict) and isinstance(into.get(k), dict) else v
    return into


def names(schema, values, at=""):
    """Names that one has and the other has not; below what is the user's own, none are told."""
    told = schema.get("properties")
    if told is None or not isinstance(values, dict):
        return []
    wrong = [f"{at}{n}: not in both" for n in set(told) ^ set(values) if at + n not in ("global",)]
    for n in set(told) & set(values):
        wrong += names(told[n], values[n], f"{at}{n}.")
    return wrong


def main():
    args = sys.argv[1:]
    only_names = args[0] == "--names"
    schema_path, values_path, *more = args[1:] if only_names else args
    with open(schema_path, encoding="utf-8") as f:
        schema = json.load(f)
    values = load(values_path)
    for path in more:
        values = merged(values, load(path))
    jsonschema.Draft7Validator.check_schema(schema)
    wrong = names(schema, values) if only_names else [
        "%s: %s" % ("/".join(map(str, e.absolute_path)), e.message)
        for e in jsonschema.Draft7Validator(schema).iter_errors(values)]
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
