"""The daemon, the bus and the adapter go, come back, change their name, fall silent: the hub keeps what it intended.

Rows of the failure table here: bluetoothd restarts or vanishes; scan stalls.
"""

from __future__ import annotations

import time

import pytest

from bluetooth_support import (  # noqa: F401
    bluetooth_hub, bluez, bus, button, deliver, oximeter, probe, wait_for, wait_subscribed,
)
from fake_bluez import BluezError, FakeBluez, Link, Never


def some_time(seconds: float):
    """For what must not happen: nothing can be waited for."""
    mark = time.monotonic()
    wait_for(lambda: time.monotonic() > mark + seconds, seconds + 5, "some time")


# -- bluetoothd restarts or vanishes


def in_state(state: str, bluez: FakeBluez, p):  # noqa: F811
    """Makes the device's session stay in one state; gives a condition that says when it is there."""
    def called(member):
        return lambda: bluez.called(member, p.path or "/") > 0
    if state == "connecting":
        p.links.append(Link(delay=30))
        return called("Device1.Connect")
    if state == "trusting":
        bluez.fault("Properties.Set", Never())
        return called("Properties.Set")
    if state == "resolving":
        p.resolve_delay = 30
        return lambda: p.connected
    if state == "subscribing":
        bluez.fault("GattCharacteristic1.AcquireNotify", Never())
        return called("GattCharacteristic1.AcquireNotify")
    if state == "disconnecting":
        bluez.fault("Device1.Disconnect", Never())
        return called("Device1.Disconnect")
    if state == "backing off":
        p.links.extend(Link(error=BluezError("Failed", "le-connection-abort-by-local")) for _ in range(3))
        return lambda: bluez.called("Device1.Connect", p.path) >= 2
    assert state == "held"
    return lambda: p.is_subscribed("2A1C")


@pytest.mark.parametrize("state", ["connecting", "trusting", "resolving", "subscribing", "held", "disconnecting", "backing off"])
def test_bluetoothd_vanishes_in_every_state(bluez, bluetooth_hub, state):  # noqa: F811
    """What was under way is void; what was wanted is still wanted. No call goes to the dead daemon's objects."""
    hub = bluetooth_hub()
    p = probe("brief" if state == "disconnecting" else "held", 1)
    p.trusted = state != "trusting"
    bluez.add(p)
    device = hub.register(p.profile, p)
    is_there = in_state(state, bluez, p)
    p.advertise()
    wait_for(is_there, 30, state)
    bluez.vanish()
    hub.wait_adapter(available=False, reason="noService")
    hub.wait_sensor(device, connected=False)
    bluez.heal()
    p.links.clear()
    p.resolve_delay = 0.01
    bluez.appear()
    deliver(hub, p, "36.700")
    assert p.bonded and bluez.calls["Device1.Pair"] == 0 and p.removals == 0
    hub.wait_match_rules(bluez)


def test_bluetoothd_vanishes_while_a_device_is_removed_and_while_it_pairs(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    gone = bluez.add(probe("held", 1))
    device = hub.register("test/held", gone)
    gone.advertise()
    deliver(hub, gone, "36.600")
    bluez.fault("Adapter1.RemoveDevice", Never())
    hub.command("device", "remove", device, "--reason", "moved out", "--as", "Installer")
    wait_for(lambda: bluez.calls["Adapter1.RemoveDevice"], 20, "the hub asks bluetoothd to forget the device")
    bluez.vanish()
    hub.wait_adapter(available=False)
    bluez.appear()
    wait_for(lambda: gone.removals == 1 and not gone.bonded, 30, "what was owed is done")

    new = bluez.add(oximeter(2, bonded=False))
    new.pairing = "never"
    new.advertise()
    hub.post("/v1/bluetooth/pairing", {"seconds": 60, "actor": "Installer"})
    wait_for(lambda: [c for c in hub.get("/v1/bluetooth/pairing")["found"] if c["address"] == new.address], 30, "it is found")
    hub.post("/v1/bluetooth/pairing/choose", {"address": new.address, "actor": "Installer"})
    wait_for(lambda: bluez.calls["Device1.Pair"] == 1, 20, "it pairs")
    bluez.vanish()
    hub.wait_adapter(available=False)
    new.pairing = "justWorks"
    bluez.appear()
    # The installer's window is still open, and what he chose is still chosen.
    wait_for(lambda: new.bonded, 40, "paired with the new bluetoothd")


def test_bluetoothd_restarts_ten_times(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    p.advertise()
    for n in range(10):
        deliver(hub, p, f"36.{n:03d}")
        bluez.vanish()
        bluez.appear()
    deliver(hub, p, "36.010")
    wait_for(lambda: bluez.default_agent, 20, "the agent is registered with every new daemon")
    hub.wait_match_rules(bluez)
    rules = bluez.match_rules(hub.pid)
    assert len(rules) == len(set(rules))


def test_no_bluetoothd_at_the_start(bluez, bluetooth_hub):  # noqa: F811
    bluez.vanish()
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    hub.wait_adapter(available=False, reason="noService")
    assert hub.command("bluetooth", "status", check=False).returncode == 75
    assert hub.status()["live"]
    bluez.appear()
    p.advertise()
    deliver(hub, p, "36.600")
    hub.wait_adapter(available=True)


def test_no_bus_at_the_start(bus, bluetooth_hub):  # noqa: F811
    bus.stop()
    hub = bluetooth_hub()
    hub.wait_adapter(available=False, reason="noService")
    assert hub.status()["live"]
    bus.start()
    fake = FakeBluez(bus).start()
    p = fake.add(probe("held", 1))
    hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    fake.stop()


def test_the_bus_dies_and_comes_back(bus, bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    p.advertise()
    for n in range(3):
        deliver(hub, p, f"36.{n}10")
        bus.process.kill()
        bus.stop()
        hub.wait_adapter(available=False)
        bluez.vanish()
        bus.start()
        bluez.appear()
    deliver(hub, p, "36.900", 40)
    hub.wait_match_rules(bluez)
    assert hub.status()["live"]


# -- the adapter


@pytest.mark.parametrize("wanted", ["any", "address"])
def test_the_adapter_comes_back_under_another_name(bluez, bluetooth_hub, wanted):  # noqa: F811
    """A dongle in another socket: hci1 now. The bonds are bluetoothd's, and are the same."""
    hub = bluetooth_hub(adapter=None if wanted == "any" else bluez.address)
    p = bluez.add(probe("held", 1))
    device = hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    bluez.remove_adapter()
    hub.wait_adapter(available=False, reason="noAdapter")
    hub.wait_sensor(device, connected=False)
    bluez.return_adapter("hci1", powered=False)
    deliver(hub, p, "36.700")
    assert p.path.startswith("/org/bluez/hci1/") and p.bonded
    adapter = hub.bluetooth()["adapter"]
    assert adapter["name"] == "hci1" and adapter["powered"]


def test_another_adapter_is_not_the_one_that_was_configured(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub(adapter="hci0")
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    bluez.remove_adapter()
    bluez.return_adapter("hci1")
    hub.wait_adapter(available=False, reason="noAdapter")
    bluez.remove_adapter()
    bluez.return_adapter("hci0")
    deliver(hub, p, "36.700")


def test_the_adapter_is_switched_off_by_somebody_else(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    device = hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    bluez.set_power(False)
    hub.wait_sensor(device, connected=False)
    deliver(hub, p, "36.700")
    assert bluez.powered and bluez.power_offs == 1 and p.bonded


def test_an_adapter_that_cannot_be_switched_on_is_told(bluez, bluetooth_hub):  # noqa: F811
    """rfkill. The hub asks again, and works when the switch is turned."""
    bluez.set_power(False)
    bluez.fault("Properties.Set", BluezError("org.bluez.Error.Blocked", "Blocked through rfkill"), bluez.adapter_path, times=3)
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    hub.wait_adapter(available=False, reason="cannotPowerOn")
    bluez.heal()
    p.advertise()
    deliver(hub, p, "36.600", 45)
    hub.wait_adapter(available=True)


# -- scan stalls


def stalling(bluez, bluetooth_hub, cure: str):  # noqa: F811
    """Something was heard, and then nothing though Discovering is true."""
    hub = bluetooth_hub(scanWatchdog="1s")
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    bluez.stall_scan(cure)
    p.drop()
    return hub, p


def test_a_stalled_scan_is_started_anew(bluez, bluetooth_hub):  # noqa: F811
    hub, p = stalling(bluez, bluetooth_hub, "restart")
    # The stop that made room for the connection does not count as a cure.
    deliver(hub, p, "36.700")
    assert bluez.power_offs == 0 and p.bonded


def test_a_stall_that_only_power_cures(bluez, bluetooth_hub):  # noqa: F811
    """The second attempt switches the adapter off and on."""
    hub, p = stalling(bluez, bluetooth_hub, "power")
    deliver(hub, p, "36.700", 45)
    assert bluez.power_offs == 1 and p.bonded and hub.bluetooth()["scanRestarts"] >= 1


def test_a_stall_that_nothing_cures_is_told_and_power_is_left_alone(bluez, bluetooth_hub):  # noqa: F811
    hub, p = stalling(bluez, bluetooth_hub, "never")
    hub.wait_adapter(60, reason="scanStalled")
    assert bluez.power_offs == 1, "one power cycle among the four attempts"
    before = bluez.calls["Adapter1.StartDiscovery"]
    some_time(2)
    assert bluez.calls["Adapter1.StartDiscovery"] - before <= 1, "a slow watch only, after the attempts"
    assert bluez.power_offs == 1
    bluez.on_loop(lambda: setattr(bluez, "stall_cure", None))
    deliver(hub, p, "36.700", 45)
    hub.wait_adapter(available=True, reason=None)


def test_no_power_cycle_while_an_alarm_device_is_connected(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub(scanWatchdog="1s")
    call, p = bluez.add(button(30)), bluez.add(probe("held", 1))
    hub.register("generic/ble-sos-button", call, hub.person())
    hub.register("test/held", p)
    call.advertise()
    wait_subscribed(call, "FFE1")
    p.advertise()
    deliver(hub, p, "36.600")
    bluez.stall_scan("power")
    p.drop()
    wait_for(lambda: hub.bluetooth()["scanRestarts"] >= 3, 40, "the scan is started anew")
    assert bluez.power_offs == 0 and call.connected
    call.notify("FFE1", b"\x01")
    hub.alert("sos")


@pytest.mark.parametrize("times", [1, 3])
def test_StartDiscovery_in_progress(bluez, bluetooth_hub, times):  # noqa: F811
    """Somebody's discovery that did not end: StopDiscovery first, then again."""
    bluez.fault("Adapter1.StartDiscovery", BluezError("InProgress"), times=times)
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    assert bluez.calls["Adapter1.StopDiscovery"] >= times and bluez.power_offs == 0


def test_a_discovery_that_somebody_ended_is_begun_again(bluez, bluetooth_hub):  # noqa: F811
    """Discovering=false without our doing. bluetoothd itself pauses for 5 s at times: only a longer one counts."""
    hub = bluetooth_hub(scanWatchdog="60s", scan={"on": "60s", "off": "0s"})
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    hub.wait_adapter(available=True)
    wait_for(lambda: bluez.discovering_clients, 20, "the hub listens")

    def end():
        from fake_bluez import handlers

        bluez.discovering_clients.clear()
        handlers.discovery_changed(bluez)
    bluez.on_loop(end)
    p.advertise()
    deliver(hub, p, "36.600", 45)
    assert bluez.power_offs == 0
