"""Bluetooth as people meet it: a device is paired, read, shown in the status, and removed. bluetoothd behaves here."""

from __future__ import annotations

import json
import subprocess
import threading

import pytest

from bluetooth_support import (  # noqa: F401
    address, bluetooth_hub, bluez, bus, deliver, oximeter, probe, saturation, temperature, thermometer, wait_for,
    wait_subscribed, wait_values,
)
from fake_bluez import BluezError, Characteristic, Peripheral, Service


class Pairing:
    """`knutepunkt pair`, running while the test goes on."""

    def __init__(self, hub, *arguments: str):
        command = [str(hub.binary), "pair", "--for", "60s", "--yes", "--language", "en", *arguments]
        environment = {"KNUTEPUNKT_SOCKET": str(hub.socket), "PATH": "/usr/bin", "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        # Both streams, as a terminal would show them.
        self.lines: list[str] = []
        self.readers = [threading.Thread(target=self.read, args=[s], daemon=True) for s in (self.process.stdout, self.process.stderr)]
        for reader in self.readers:
            reader.start()

    def read(self, stream):
        for line in stream:
            self.lines.append(line.rstrip())

    def says(self, text: str, seconds: float = 30) -> str:
        def find():
            return next((line for line in self.lines if text in line), None)
        try:
            return wait_for(find, seconds, f"pair says {text!r}")
        except TimeoutError as error:
            raise AssertionError(f"{error}; it said {self.lines}") from None

    def end(self, seconds: float = 90) -> tuple[int, str]:
        """Exit status and all that was said."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"pair did not end; it said {self.lines}") from None
        for reader in self.readers:
            reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        return status, "\n".join(self.lines)


def pair(hub, *arguments: str) -> tuple[int, str]:
    return Pairing(hub, *arguments).end()


def test_the_first_reading_of_a_bonded_device(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = oximeter(battery=83)
    p.trusted = False
    bluez.add(p)
    device = hub.register("sig/pulse-oximeter", p, hub.person())
    p.advertise()
    wait_subscribed(p, "2A5F")
    assert p.notify("2A5F", saturation(96, 71))
    assert wait_values(hub, "spo2", 1) == ["96"] and wait_values(hub, "pulse", 1) == ["71"]
    hub.wait_sensor(device, connected=True, bonded=True, battery=83, reconnects=0, label=p.name)
    wait_for(lambda: p.trusted, 20, "a bonded device is trusted, so that it may connect by itself")
    p.set_battery(61)
    hub.wait_sensor(device, battery=61)
    hub.wait_match_rules(bluez)
    status = hub.ask("bluetooth", "status")
    assert status["available"] and status["adapter"]["address"] == bluez.address and status["adapter"]["powered"]
    assert status["slots"] == {"used": 1, "max": 5} and status["matchRules"] == len(bluez.match_rules(hub.pid)) > 0
    assert [d["id"] for d in status["devices"]] == [device] and status["devices"][0]["lastSeen"]
    assert bluez.calls["Device1.Pair"] == 0 and bluez.calls["Adapter1.RemoveDevice"] == 0


def test_what_only_indicates_is_read_too(bluez, bluetooth_hub):  # noqa: F811
    """BlueZ 5.66 refuses AcquireNotify for it."""
    hub = bluetooth_hub()
    p = bluez.add(thermometer())
    hub.register("sig/thermometer", p, hub.person())
    p.advertise()
    deliver(hub, p, "36.6")


def test_a_brief_session_ends_by_itself(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("brief", 1))
    device = hub.register("test/brief", p)
    p.advertise()
    deliver(hub, p, "36.600")
    wait_for(lambda: not p.connected, 20, "the hub hangs up after the device was quiet")
    assert bluez.called("Device1.Disconnect", p.path) == 1 and bluez.called("Adapter1.RemoveDevice") == 0
    line = hub.wait_sensor(device, connected=False)
    assert line["bonded"] and not line.get("problem")


def test_a_profile_may_ask_for_StartNotify(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("start", 1))
    hub.register("test/start", p)
    p.advertise()
    deliver(hub, p, "36.600")
    assert bluez.called("GattCharacteristic1.AcquireNotify") == 0


@pytest.mark.parametrize("way", ["justWorks", "authorize", "compare", "display"])
def test_pairing_registers_and_assigns(bluez, bluetooth_hub, way):  # noqa: F811
    hub = bluetooth_hub()
    person = hub.person()
    p = bluez.add(oximeter(bonded=False))
    p.pairing, p.passkey = way, 45678
    p.advertise()
    stranger = bluez.add(Peripheral("5E:57:AA:00:00:01", Service("FEAA"), name="Tracker of a neighbour")).advertise()
    more = ["--accept-comparison"] if way == "compare" else []
    pairing = Pairing(hub, "--address", p.address, "--patient", person, "--label", "Oximeter", "--no-test", "--json", *more)
    if way == "display":
        pairing.says("045 678")  # Six digits, also where the first is a zero.
        assert not p.bonded
        p.type_passkey()
    status, said = pairing.end()
    assert status == 0, said
    answer = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    assert answer["profile"] == "sig/pulse-oximeter" and answer["patient"] == person
    assert p.bonded and p.trusted
    wait_subscribed(p, "2A5F")
    p.notify("2A5F", saturation())
    wait_values(hub, "spo2", 1)
    hub.wait_sensor(answer["device"], bonded=True)
    assert "neighbour" not in said and stranger.address not in said and stranger.connections == 0


def test_a_comparison_is_not_accepted_unseen(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(oximeter(bonded=False))
    p.pairing = "compare"
    p.advertise()
    status, said = pair(hub, "--address", p.address, "--no-test")
    assert status != 0 and not p.bonded, said
    assert hub.ask("device", "list") == []


def test_the_installer_types_what_the_device_shows(bluez, bluetooth_hub):  # noqa: F811
    """Over the local API, as a screen does it."""
    hub = bluetooth_hub()
    p = bluez.add(oximeter(bonded=False))
    p.pairing, p.passkey = "enter", 7
    p.advertise()
    hub.post("/v1/bluetooth/pairing", {"seconds": 60, "actor": "Installer"})
    wait_for(lambda: [c for c in hub.get("/v1/bluetooth/pairing")["found"] if c["address"] == p.address], 30, "it is found")
    hub.post("/v1/bluetooth/pairing/choose", {"address": p.address, "actor": "Installer"})
    prompt = wait_for(lambda: hub.get("/v1/bluetooth/pairing").get("prompt"), 30, "the hub asks")
    assert prompt["kind"] == "enter"
    hub.post("/v1/bluetooth/pairing/answer", {"number": prompt["number"], "accept": True, "passkey": 7, "actor": "Installer"})
    wait_for(lambda: p.bonded, 20, "bonded")
    wait_subscribed(p, "2A5F")
    p.notify("2A5F", saturation(91, 60))
    shown = wait_for(lambda: hub.get("/v1/bluetooth/pairing")["readings"], 20, "the test reading")
    assert any("91" in r["text"] for r in shown)
    assert hub.stored() == 0, "a test reading is nobody's, and is not recorded"


def test_the_agent_answers_for_the_chosen_device_only(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    stranger = bluez.add(Peripheral("5E:57:AA:00:00:02", Service("1812"), name="Keyboard"))
    bluez.on_loop(stranger.export_now)
    wait_for(lambda: bluez.default_agent, 20, "the hub's agent")
    for member, signature, body in [
        ("RequestAuthorization", "o", [stranger.path]), ("RequestConfirmation", "ou", [stranger.path, 111111]),
        ("RequestPasskey", "o", [stranger.path]), ("AuthorizeService", "os", [stranger.path, stranger.services[0].uuid]),
    ]:
        with pytest.raises(BluezError) as refusal:
            bluez.ask_agent(member, signature, body)
        assert refusal.value.name.endswith("AuthenticationRejected"), (member, refusal.value)
    assert hub.status()["live"]


def test_a_refused_pairing_says_so(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(oximeter(bonded=False))
    p.pairing = "refused"
    p.advertise()
    status, said = pair(hub, "--address", p.address, "--no-test")
    assert status != 0 and hub.ask("device", "list") == [], said
    p.pairing = "justWorks"
    status, said = pair(hub, "--address", p.address, "--no-test")
    assert status == 0, said


def test_a_device_that_leaves_after_bonding(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("leaving", 1, bonded=False))
    p.leaves_after_bonding = True
    p.advertise()
    status, said = pair(hub, "--address", p.address, "--profile", "test/leaving", "--no-test")
    assert status == 0, said
    deliver(hub, p, "36.600")


def test_a_private_address_becomes_an_identity(bluez, bluetooth_hub):  # noqa: F811
    """Bonding tells the address behind the address. BlueZ keeps the old path until it starts again; the hub knows it by the new one."""
    hub = bluetooth_hub()
    identity = address(77)
    service = Service("1822", Characteristic("2A5F", "notify", encrypted=True))
    p = Peripheral("5A:11:22:33:44:55", service, name="Shy", address_type="random")
    p.identity = (identity, "public")
    bluez.add(p).advertise()
    status, said = pair(hub, "--address", "5A:11:22:33:44:55", "--label", "Shy", "--no-test")
    assert status == 0, said
    device = hub.ask("device", "list")[0]
    assert device["address"].upper() == identity
    wait_subscribed(p, "2A5F")
    p.notify("2A5F", saturation(95))
    wait_values(hub, "spo2", 1)
    p.drop()
    p.rotate("6B:22:33:44:55:66")
    wait_subscribed(p, "2A5F")
    p.notify("2A5F", saturation(94))
    wait_values(hub, "spo2", 2)
    bluez.vanish()
    bluez.appear()
    wait_subscribed(p, "2A5F")
    assert p.path.endswith(identity.replace(":", "_"))
    p.notify("2A5F", saturation(93))
    assert wait_values(hub, "spo2", 3) == ["95", "94", "93"]


def test_an_advertised_button_is_one_call_per_press(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(Peripheral(address(40), name="Call", advertised=[], address_type="random"))
    hub.register("bthome/sos-button", p, hub.person())
    p.service_data = {"FCD2": bytes.fromhex("4400073A01")}
    wait_for(lambda: hub.bluetooth()["available"] and hub.bluetooth()["adapter"]["discovering"], 20, "the hub listens")
    for _ in range(20):
        p.appear()  # A press is sent many times, with the same packet number.
    hub.alert("sos")
    presses = "SELECT count(*) FROM device_event e JOIN vocabulary v ON v.domain = 'event' AND v.value = e.kind WHERE v.name = 'sos'"
    assert hub.sql(presses)[0][0] == 1
    p.service_data = {"FCD2": bytes.fromhex("4400083A01")}
    for _ in range(20):
        p.appear()
    wait_for(lambda: hub.sql(presses)[0][0] == 2, 20, "the second press")
    assert p.connections == 0


def test_a_removed_device_is_forgotten_by_bluetoothd(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    device = hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    hub.command("device", "remove", device, "--reason", "moved out", "--as", "Installer")
    wait_for(lambda: p.removals == 1 and not p.bonded, 20, "the key is gone")
    assert hub.bluetooth()["devices"] == []


def test_a_value_right_after_reconnecting_is_not_lost(bluez, bluetooth_hub):  # noqa: F811
    """bluetoothd itself renews StartNotify's subscriptions; a device that measured meanwhile sends before the hub has asked again."""
    hub = bluetooth_hub()
    p = bluez.add(probe("start", 1))
    hub.register("test/start", p)
    p.advertise()
    deliver(hub, p, "36.600")
    sent = []
    p.on_resolved = lambda p: sent.append(p.notify_now("2A1C", temperature("36.700")))
    p.drop()
    assert wait_values(hub, "temperature", 2) == ["36.6", "36.7"]
    assert sent == [True]
