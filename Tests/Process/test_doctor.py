"""`knutepunkt doctor` as an installer calls it: what it says, with which exit status, with and without a bus; it changes nothing."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from bluetooth_support import bluetooth_hub, bluez, bus, deliver, probe  # noqa: F401
from support import default_binary, free_port

AREAS = {"configuration", "profiles", "state folder", "core", "realtime", "memory", "bluetooth", "radio monitor", "bluetoothd"}


def doctor(hub, *words: str, address: str | None = None):
    address = address or hub.environment["DBUS_SYSTEM_BUS_ADDRESS"]
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "DBUS_SYSTEM_BUS_ADDRESS": address}
    return subprocess.run(
        [str(hub.binary), "doctor", "--config", str(hub.file), *words], capture_output=True, text=True, timeout=90, env=environment)


def examine(hub, address: str | None = None) -> tuple[int, dict]:
    done = doctor(hub, "--json", address=address)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["problems"] == sum(line["state"] == "problem" for line in report["lines"])
    assert done.returncode == (1 if report["problems"] else 0), "0 without problems, 1 with"
    return done.returncode, report


def lines(report: dict, area: str) -> list[dict]:
    return [line for line in report["lines"] if line["area"] == area]


def quiet(hub):
    """No broker in the configuration, and a state folder that only its owner sees: what is left is Bluetooth."""
    hub.configuration["links"].pop("mqtt", None)
    hub.write_configuration()
    hub.state.chmod(0o750)


def test_on_a_bus_with_bluetoothd(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub(start=False)
    quiet(hub)
    _, report = examine(hub)
    assert {line["area"] for line in report["lines"]} >= AREAS - {"core"}
    found, = lines(report, "bluetoothd")
    assert found["state"] == "ok" and found["text"].startswith("runs") and "next" not in found
    assert [line["state"] for line in lines(report, "profiles")] == ["ok"] and "self-tests passed" in lines(report, "profiles")[0]["text"]
    # Asking must not have been noticed: no client has come, and no service was started.
    assert not [m for m in bluez.calls if not m.startswith("Properties.Get")], bluez.calls
    assert not (hub.state / "journal.sqlite").exists(), "it changes nothing"


def test_on_a_bus_without_bluetoothd(bus, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub(start=False)
    status, report = examine(hub)
    found, = lines(report, "bluetoothd")
    assert status == 1 and found["state"] == "problem" and "nobody owns org.bluez" in found["text"] and "bluez" in found["next"]


def test_without_a_bus(bus, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub(start=False)
    bus.stop()
    status, report = examine(hub)
    found, = lines(report, "bluetoothd")
    assert status == 1 and found["state"] == "problem"
    assert "the system bus does not answer" in found["text"] and "DBUS_SYSTEM_BUS_ADDRESS" in found["next"]


def test_a_bus_that_is_no_bus(bus, bluetooth_hub, folder):  # noqa: F811
    """An address of nonsense, and a socket that nobody answers at: said within seconds."""
    hub = bluetooth_hub(start=False)
    for address in ("nonsense", f"unix:path={folder}/nowhere", f"tcp:host=127.0.0.1,port={free_port()}"):
        status, report = examine(hub, address)
        assert status == 1 and lines(report, "bluetoothd")[0]["state"] == "problem", address


def test_nobody_wants_bluetooth(bus, make_hub):  # noqa: F811
    """Without `links.bluetooth` nothing of it is a problem."""
    hub = make_hub(start=False)
    hub.configuration["links"] = {}
    hub.write_configuration()
    hub.state.chmod(0o750)
    _, report = examine(hub, bus.address)
    for area in ("bluetooth", "radio monitor", "bluetoothd"):
        assert all(line["state"] != "problem" for line in lines(report, area)), report


def test_the_lines_of_a_person(bluez, bluetooth_hub):  # noqa: F811
    """A sign, a word, the area, what was found; below it the next step; at the end a sum. The same as the JSON says."""
    hub = bluetooth_hub(start=False)
    _, report = examine(hub)
    done = doctor(hub)
    assert done.returncode == (1 if report["problems"] else 0)
    text = done.stdout.splitlines()
    heads = [line for line in text if line.startswith(("✓ good", "! note", "✗ problem"))]
    assert len(heads) == len(report["lines"])
    for head, line in zip(heads, report["lines"]):
        # Between two runs the disk's free space may move by a megabyte.
        still = [re.sub(r"\d+ MiB", "some MiB", text) for text in (line["text"].splitlines()[0], head)]
        assert line["area"] in head and still[0] in still[1]
    assert sum(line.strip().startswith("→") for line in text) == sum("next" in line for line in report["lines"])
    problems = report["problems"]
    assert text[-1].startswith("No problems" if problems == 0 else "1 problem" if problems == 1 else f"{problems} problems")
    assert "\x1b" not in done.stdout, "no colours in a pipe"


def test_beside_a_running_core(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    _, report = examine(hub)
    core, = lines(report, "core")
    assert core["state"] == "ok" and "answers" in core["text"]
    # The doctor is no second client of the device: its link goes on.
    deliver(hub, p, "36.700")
    assert p.connections == 1
    assert p.address not in json.dumps(report), "a report is copied into support cases"
    hub.stop()
    _, report = examine(hub)
    assert not any(line["state"] == "ok" for line in lines(report, "core"))


@pytest.mark.parametrize(["key", "value", "area", "word"], [
    ("hub", {"name": "a hub"}, "configuration", "hub"),
    ("no-such-section", {}, "configuration", "no-such-section"),
])
def test_a_configuration_that_cannot_be_used(bluez, bluetooth_hub, key, value, area, word):  # noqa: F811
    hub = bluetooth_hub(start=False)
    hub.configuration[key] = value
    hub.write_configuration()
    status, report = examine(hub)
    wrong = [line for line in lines(report, area) if line["state"] == "problem"]
    assert status == 1 and wrong and word in wrong[0]["text"] and "knutepunkt check" in wrong[-1]["next"]
    assert lines(report, "bluetooth") and lines(report, "realtime"), "what needs no configuration is looked at all the same"


def test_a_state_folder_that_everybody_may_read(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub(start=False)
    hub.state.chmod(0o777)
    status, report = examine(hub)
    wrong = [line for line in lines(report, "state folder") if line["state"] == "problem"]
    assert status == 1 and "everybody may write" in wrong[0]["text"] and wrong[0]["next"] == f"sudo chmod 0750 {hub.state}"


def test_a_broker_that_is_not_there(bus, make_hub):  # noqa: F811
    hub = make_hub(start=False)
    hub.configuration["links"] = {"mqtt": [{"name": "street", "host": "127.0.0.1", "port": free_port()}]}
    hub.write_configuration()
    status, report = examine(hub, bus.address)
    found, = lines(report, "mqtt street")
    assert status == 1 and found["state"] == "problem" and "refused" in found["text"] and "mosquitto" in found["next"]


def test_no_configuration_at_all(bus, folder):  # noqa: F811
    done = subprocess.run(
        [str(default_binary()), "doctor", "--config", str(folder / "none.yaml"), "--json"], capture_output=True, text=True, timeout=90,
        env={"PATH": "/usr/bin", "DBUS_SYSTEM_BUS_ADDRESS": bus.address})
    report = json.loads(done.stdout)
    assert done.returncode == 1 and lines(report, "configuration")[0]["state"] == "problem"
