#!/usr/bin/env python3
"""Validates every FOLDER/*.json as an R4 Bundle with fhir.resources (pip: fhir.resources==6.4.0, R4 4.0.1).

Beyond the model, which knows no code lists: R4's required codes are checked, each reference inside a bundle must
resolve, each fullUrl is unique, each entry's condition names one of its own identifiers. Prints one line a file; exit 1
when one is invalid, 2 when there was nothing to validate.
"""
import json
import pathlib
import sys
from decimal import Decimal

from fhir.resources.bundle import Bundle

# http://hl7.org/fhir/R4: observation-status, medicationdispense-status, detectedissue-severity (required bindings).
OBSERVATION_STATUS = "registered preliminary final amended corrected cancelled entered-in-error unknown".split()
REQUIRED = {
    ("Observation", "status"): OBSERVATION_STATUS,
    ("DetectedIssue", "status"): OBSERVATION_STATUS,
    ("DetectedIssue", "severity"): ["high", "moderate", "low"],
    ("MedicationDispense", "status"): "preparation in-progress cancelled on-hold completed entered-in-error stopped declined unknown".split(),
}


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


failed = 0
files = sorted(pathlib.Path(sys.argv[1]).glob("*.json"))
for file in files:
    problems = []
    raw = json.loads(file.read_text(), parse_float=Decimal)
    try:
        Bundle.parse_raw(file.read_text())
    except Exception as error:  # pydantic's own words are the diagnosis
        problems.append(str(error))
    urls = [entry["fullUrl"] for entry in raw["entry"]]
    if len(urls) != len(set(urls)):
        problems.append("a fullUrl occurs twice")
    problems += ["dangling reference " + r for r in references(raw) if r not in urls]
    for entry in raw["entry"]:
        for (kind, element), codes in REQUIRED.items():
            if entry["resource"]["resourceType"] == kind and entry["resource"].get(element) not in codes:
                problems.append("%s.%s is none of R4's codes" % (kind, element))
        request = entry["request"]
        condition = request.get("ifNoneExist") or request["url"].partition("?")[2]
        if condition not in ["identifier=%s|%s" % (i.get("system"), i["value"]) for i in entry["resource"]["identifier"]]:
            problems.append("condition %s names no identifier of its resource" % condition)
    failed += bool(problems)
    print(("INVALID " + file.name + "\n  " + "\n  ".join(problems)) if problems else "valid " + file.name)
sys.exit(2 if not files else 1 if failed else 0)
