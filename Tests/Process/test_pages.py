"""The pages that repeat what the program says: held against the program itself, from outside."""

import re
import subprocess

import pytest

from support import ROOT, default_binary


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def said(*words) -> str:
    return subprocess.run([str(default_binary()), *words], capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_configuration_page_is_what_the_program_prints():
    table = page("configuration.md")
    table = table[table.index("| Key |"):]
    assert table.strip() == said("check", "--reference").strip(), "print it anew: knutepunkt check --reference"


def test_the_pages_count_profiles_and_vectors_as_the_program_does():
    counted = re.search(r"(\d+) profiles?\b.*?(\d+) self-tests", said("profile", "check", str(ROOT / "DeviceProfiles")), re.DOTALL)
    assert counted, "profile check counts both"
    assert f"{counted[1]} profiles loaded, {counted[2]} self-tests passed" in page("tour.md")
    assert f"{counted[1]} profiles with {counted[2]} test vectors" in page("bluetooth.md")


def test_the_pages_name_only_commands_that_exist():
    known = set(re.findall(r"^  ([a-z]+) {2,}", said("--help"), re.MULTILINE))
    assert {"run", "status", "pair", "audit"} <= known
    for file in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for name in re.findall(r"`(?:sudo )?knutepunkt ([a-z]+)", file.read_text()):
            assert name in known, f"{file.name}: knutepunkt {name}"


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, str, str]]:
    """Method, path without its query, and the name of the answer's type: `[Patient]` for a list."""
    rows = re.findall(r"^\| (GET|POST) \| `([^`?]+)[^`]*` \| [^|]* \| ([^|]*) \|", page("local-api.md"), re.MULTILINE)
    named = []
    for method, path, answer in rows:
        link = re.search(r"\[([\w.]+)\]\(#", answer)
        named.append((method, path, ("[%s]" if "list of" in answer else "%s") % link[1] if link else answer.strip()))
    return named


def fields(name: str) -> tuple[set[str], set[str]]:
    """All fields of a type on the page, and those that are always there."""
    part = re.search(rf"^### {re.escape(name)}\n(.*?)(?=^##|\Z)", page("local-api.md"), re.MULTILINE | re.DOTALL)[1]
    names = re.findall(r"^\| `(\w+)(\??)` \|", part, re.MULTILINE)
    return {n for n, _ in names}, {n for n, mark in names if not mark}


def test_every_get_of_the_local_api_answers_as_the_page_says(make_hub, broker, bridge, routes):
    hub = make_hub(broker)
    person = hub.person()
    device = hub.device("zigbee2mqtt/sos-button", "sos1", person)
    hub.plan(person, {"kind": "limits", "signal": "spo2", "redLow": "84", "yellowLow": "87"})
    hub.enter(person, consciousness="A", respiration=22, temperature="37.4", systolic=118)
    bridge.sos("sos1")
    alert = hub.alert("sos")["id"]
    asked = 0
    for method, path, answer in routes:
        if method != "GET" or path == "/v1/events" or path == "/v1/bluetooth/trace":
            continue
        kind = path.split("/")[2] if path.startswith("/v1/") else ""
        path = path.replace(":id", {"patients": person, "devices": device, "plans": person, "alerts": alert, "explain": alert}.get(kind, ""))
        if not path.startswith("/v1/"):
            assert hub.http(path)[0] == 200, path
            continue
        status, value = hub.api("GET", path)
        assert status == 200, (path, status, value)
        name = answer.strip("[]")
        known, always = fields(name)
        assert isinstance(value, list) == answer.startswith("["), path
        for one in value if isinstance(value, list) else [value]:
            assert set(one) <= known, (path, set(one) - known)
            assert always <= set(one), (path, always - set(one))
        asked += 1
    assert asked >= 15


def test_errors_of_the_local_api_are_as_the_page_says(make_hub, broker):
    hub = make_hub(broker)
    person = hub.person()
    for status, method, path, body in [
        (400, "POST", "/v1/patients", {"name": "Kari"}), (400, "GET", "/v1/devices/seven", None), (404, "GET", "/v1/devices/D77", None),
        (400, "GET", "/v1/alerts?state=some", None), (409, "POST", "/v1/bluetooth/pairing", {"seconds": 60, "actor": "Test"}),
        (400, "POST", f"/v1/plans/{person}", {"items": [], "actor": "Test", "reason": "test"}),
    ]:
        given, failure = hub.api(method, path, body)
        assert given == status, (path, given, failure)
        assert {"error"} <= set(failure) <= {"error", "hint"}, (path, failure)
    status, answer = hub.api("GET", "/v1/nothing")
    assert status == 404 and answer == "", answer
    status, failure = hub.api("POST", "/v1/patients", {"name": "K" * 1_100_000})
    assert status == 413 and "error" in failure, failure
    status, failure = hub.api("POST", "/v1/patients", "text")
    assert status == 400 and "wrong type" in failure["error"], failure
