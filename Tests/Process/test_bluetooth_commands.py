"""What an installer types about one Bluetooth device: show, test, identify, remove; and the link's status and trace for support."""

from __future__ import annotations

from contextlib import contextmanager
import json
import subprocess
import threading

from bluetooth_support import (  # noqa: F401
    address, bluetooth_hub, bluez, bus, button, deliver, on_subscribe, oximeter, probe, temperature, wait_for, wait_subscribed,
)
from fake_bluez import Characteristic, Peripheral, Service

ENGLISH = ("--language", "en")


def say(hub, *words: str) -> str:  # noqa: F811
    return hub.command(*words, *ENGLISH).stdout


def in_parallel(*works):
    """Commands that wait ten seconds each wait together."""
    results = [None] * len(works)

    def run(n, work):
        results[n] = work()
    threads = [threading.Thread(target=run, args=(n, work)) for n, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


def informed(number: int = 1) -> Peripheral:
    """An oximeter that tells its battery and its firmware, the latter with what no terminal should get."""
    measurement = Service("1822", Characteristic("2A5F", "notify", encrypted=True))
    information = Service("180A", Characteristic("2A26", "read", b"1.4.2\x1b[31m\x00rest"))
    return Peripheral(address(number), measurement, information, name="Oximeter", bonded=True, battery=17)


def test_show_says_all_about_a_device(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    person = hub.person()
    p = bluez.add(informed())
    device = hub.register("sig/pulse-oximeter", p, person)
    p.advertise()
    wait_subscribed(p, "2A5F")
    hub.wait_sensor(device, battery=17, connected=True)
    wait_for(lambda: hub.sensor(device).get("firmware"), 20, "the firmware is read")
    p.notify("2A5F", b"\x00\x01")
    wait_for(lambda: hub.sensor(device)["refused"], 20, "a frame was refused")
    shown = hub.ask("device", "show", device)
    assert shown["device"]["patient"] == person and shown["transport"] == "bleGatt" and "adapterProblem" not in shown
    link = shown["bluetooth"]
    assert link["battery"] == 17 and link["connected"] and link["bonded"] and link["firmware"].startswith("1.4.2")
    assert "\x1b" not in link["firmware"] and "rest" not in link["firmware"]
    text = say(hub, "device", "show", device)
    for word in (device, person, "sig/pulse-oximeter", p.address, "17 %", "1.4.2"):
        assert word in text, (word, text)
    assert "\x1b" not in text
    assert hub.command("device", "show", "D99", check=False).returncode == 65


def test_show_tells_the_problem_and_the_next_step(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1, bonded=False))
    device = hub.register("test/held", p)
    p.advertise()
    hub.wait_problem(device, "notPaired")
    lines = say(hub, "device", "show", device).splitlines()
    assert lines[-1].startswith("→ ") and "pair" in lines[-1]
    bluez.vanish()
    hub.wait_adapter(available=False)
    assert hub.ask("device", "show", device)["adapterProblem"] == "noService"
    assert "bluetooth" in say(hub, "device", "show", device).splitlines()[-1].lower(), "while it lasts nothing else helps"


def test_test_waits_for_a_measurement(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("brief", 1))
    device = hub.register("test/brief", p, hub.person())
    on_subscribe(p, "2A1C", lambda p: p.notify_now("2A1C", temperature("36.600")))
    # It does not advertise: the command asks for a connection at once.
    answer = hub.ask("device", "test", device)
    assert answer["device"] == device and [r["name"] for r in answer["readings"]] == ["temperature"]
    assert "36.6" in answer["readings"][0]["text"] and bluez.calls["Device1.Connect"] == 1
    assert hub.values("temperature") == ["36.6"], "it is a measurement like any other, and is stored"
    p.drop()
    p.advertise()
    text = say(hub, "device", "test", device)
    assert "36.6" in text


def test_identify_makes_a_device_signal(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(button(30))
    device = hub.register("generic/ble-sos-button", p, hub.person())
    p.advertise()
    wait_subscribed(p, "FFE1")
    before = len(p.characteristic("2A06").written)
    text = say(hub, "device", "identify", device)
    assert p.characteristic("2A06").written[before:] == [(b"\x02", "command")] and device in text
    assert hub.open_alerts() == []


def test_ten_seconds_of_nothing_and_of_walking_about(bluez, bluetooth_hub):  # noqa: F811
    """A test without a measurement, one of a device that cannot work, a device that is never heard, one that is heard."""
    hub = bluetooth_hub()
    asleep, unpaired = bluez.add(probe("held", 1)), bluez.add(probe("held", 2, bonded=False))
    # It only advertises; a packet without a press.
    near = bluez.add(Peripheral(address(3), name="Near", advertised=[], address_type="random"))
    near.profile, near.service_data = "bthome/sos-button", {"FCD2": bytes.fromhex("4400073A00")}
    asleep.in_range = False
    bluez.absent_seconds = 0.5
    devices = [hub.register(p.profile, p) for p in (asleep, unpaired, near)]
    unpaired.advertise()
    near.advertise(0.3)
    hub.wait_problem(devices[1], "notPaired")

    def run(*words):
        return lambda: hub.command("device", *words, "--for", "10s", *ENGLISH, check=False)
    nothing, hopeless, unheard, walking = in_parallel(
        run("test", devices[0]), run("test", devices[1]), run("identify", devices[0]), run("identify", devices[2]))
    assert nothing.returncode == 75 and devices[0] in nothing.stderr
    assert hopeless.returncode == 75 and "pair" in hopeless.stderr, "what is known to be wrong stands before general advice"
    assert unheard.returncode == 75 and devices[0] in unheard.stderr
    bars = walking.stdout.splitlines()[1:]
    assert walking.returncode == 0 and len(bars) > 5 and len([line for line in bars if "░░░░░░░░░░" not in line]) > 3, walking.stdout
    assert near.connections == 0


def test_identify_of_a_connected_device_that_cannot_signal(bluez, bluetooth_hub):  # noqa: F811
    """A connected device does not advertise: there is no strength to walk by, and the command says so at once."""
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    device = hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    done = hub.command("device", "identify", device, "--for", "10s", *ENGLISH)
    assert len(done.stdout.splitlines()) <= 2 and "connected" in done.stdout and "device." not in done.stdout, done.stdout


def test_removed_and_entered_again(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    device = hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    text = say(hub, "device", "remove", device, "--reason", "moved out", "--as", "Installer")
    assert device in text
    wait_for(lambda: p.removals == 1 and not p.bonded and not p.connected, 20, "bluetoothd has forgotten it")
    assert hub.ask("device", "list") == [] and hub.bluetooth()["devices"] == []
    assert hub.command("device", "remove", device, "--reason", "again", check=False).returncode == 65
    hub.register("test/held", p)
    hub.wait_problem(hub.ask("device", "list")[0]["id"], "notPaired")


@contextmanager
def running(hub, *words: str):  # noqa: F811
    """A command that goes on until it is interrupted, and the lines that it has said."""
    environment = {"KNUTEPUNKT_SOCKET": str(hub.socket), "PATH": "/usr/bin", "LANG": "C.UTF-8"}
    process = subprocess.Popen([str(hub.binary), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment)
    lines: list[str] = []

    def read():
        for line in process.stdout:
            lines.append(line)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield lines
    finally:
        process.terminate()
        process.wait(30)
        reader.join(30)
        process.stdout.close()


def test_the_trace_is_fit_for_a_support_case(bluez, bluetooth_hub):  # noqa: F811
    """Device ids, operations, lengths, error names; no address, no name, no value."""
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    device = hub.register("test/held", p, hub.person("Kari Test"))
    p.advertise()
    deliver(hub, p, "36.654")
    with running(hub, "bluetooth", "trace", "--follow") as lines:
        wait_for(lambda: any("connected" in line for line in lines), 20, "what was before")
        p.drop()
        wait_for(lambda: sum("disconnected" in line for line in lines) >= 1, 20, "what is new")
        deliver(hub, p, "36.655")
        wait_for(lambda: sum(line.rstrip().endswith("completed") for line in lines) >= 2, 20, "the second session")
        followed = list(lines)
    assert len(followed) == len(set(followed)), "each line once"
    trace = hub.ask("bluetooth", "trace")["lines"]
    assert {line["who"] for line in trace} >= {"adapter", device}
    assert [line["at"] for line in trace] == sorted(line["at"] for line in trace), "oldest first"

    def both():
        """The same lines for scripts and for people, of a trace to which nothing was added between the two looks."""
        trace, text = hub.ask("bluetooth", "trace")["lines"], say(hub, "bluetooth", "trace")
        return (trace, text) if len(text.splitlines()) == len(trace) else None
    trace, text = wait_for(both, 30, "a line in words for each line of the trace")
    for secret in (p.address, p.address.replace(":", "_"), p.name, "36.65", "Kari"):
        assert secret not in text and secret not in json.dumps(trace), secret


def test_status_for_people_and_for_scripts(bluez, bluetooth_hub, make_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(oximeter(battery=80))
    device = hub.register("sig/pulse-oximeter", p, hub.person())
    p.advertise()
    wait_subscribed(p, "2A5F")
    hub.wait_sensor(device, battery=80)
    text = say(hub, "bluetooth", "status")
    assert device in text and p.name in text
    with running(hub, "bluetooth", "status", "--watch") as lines:
        wait_for(lambda: any(device in line for line in lines), 20, "the first look")
        p.set_battery(12)
        wait_for(lambda: any("12" in line.split("\t") for line in (line.rstrip() for line in lines)), 20, "the change")
    other = make_hub(name="other")
    assert other.command("bluetooth", "status", check=False).returncode == 78
    assert other.command("pair", "--yes", "--address", p.address, check=False).returncode == 78
