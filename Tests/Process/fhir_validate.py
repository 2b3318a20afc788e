"""Validates FHIR R4 JSON with PyPI's fhir.resources 6.4.0. Runs in a Python of its own (pydantic 1), fed on stdin.

One JSON resource a line in; one line a fault out (index, resource type, message). Exit 1 when there was one.
"""

import importlib
import json
import sys


def model(kind: str):
    return getattr(importlib.import_module(f"fhir.resources.{kind.lower()}"), kind)


def main() -> int:
    faults = 0
    for index, line in enumerate(sys.stdin):
        value = json.loads(line)
        kind = value.get("resourceType", "?")
        try:
            model(kind).parse_obj(value)
        except Exception as error:  # What the validator says is the finding, whatever its type.
            faults += 1
            print(f"{index}\t{kind}\t{' '.join(str(error).split())}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
