"""Every row of the failure table: what bluetoothd and devices do wrong, and that the hub comes through without a person.

What BlueZ 5.66 and devices were seen to do wrong. Row → test (in this file where none is named):

| InProgress on Connect, stuck | test_stuck_in_progress_of_an_unbonded_device_is_removed_once, test_stuck_…_keeps_the_bond |
| le-connection-abort-by-local | test_abort_by_local_waits_for_the_link_to_fall |
| ServicesResolved before the objects | test_resolved_before_the_objects |
| links that outlive a dead client | test_a_killed_hub_adopts_its_links_and_leaves_others_alone |
| stale GATT cache | test_stale_cache_is_removed, test_stale_cache_of_a_bonded_device_is_told_and_keeps_the_bond |
| bond lost on the device only | test_a_lost_bond_is_told_and_never_renewed_silently, test_a_profile_that_renews_its_key_is_paired_again |
| connection slots run out | test_slots_run_out_and_everybody_gets_a_turn, test_an_alarm_button_gets_a_slot_of_a_full_adapter |
| scan stalls | test_bluetooth_adapter.py: test_a_stall…, test_StartDiscovery_in_progress, test_no_power_cycle_while_an_alarm_… |
| unbonded device is silent after reconnect | test_an_unbonded_device_is_removed_after_its_connection |
| duplicate handlers, leaks | test_bluetooth_endurance.py: test_a_thousand_reconnects |
| bluetoothd restarts or vanishes | test_bluetooth_adapter.py: test_bluetoothd_vanishes_in_every_state, test_bluetoothd_restarts_ten_times |

Found beside the table: Connect without an answer or without its signal, AcquireNotify refused, and what is never answered (here); the
adapter and the bus themselves (test_bluetooth_adapter.py); stored records (test_bluetooth_records.py); garbage, strangers and floods
(test_bluetooth_garbage.py).
"""

from __future__ import annotations

import time

import pytest

from bluetooth_support import (  # noqa: F401
    bluetooth_hub, bluez, bus, button, deliver, glucose_meter, glucose_record, normal, on_subscribe, oximeter, probe, temperature,
    wait_for, wait_subscribed, wait_values,
)
from fake_bluez import BluezError, Characteristic, Link, Never, Service
from fake_bluez.records import ABORT, COUNT, DELETE, REPORT
from test_bluetooth import pair


def times(bluez, member: str, path: str) -> list[float]:  # noqa: F811
    return bluez.on_loop(lambda: [at for at, m, p in bluez.log if m == member and p == path])


# -- InProgress on Connect, stuck after a crashed client


def test_stuck_in_progress_of_an_unbonded_device_is_removed_once(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = probe("open", 1)
    p.stuck = True
    bluez.add(p)
    device = hub.register("test/open", p)
    p.advertise()
    deliver(hub, p, "36.600", 45)
    assert p.removals == 1
    assert bluez.calls["Device1.Connect"] <= 6, "retries are bounded"
    hub.wait_sensor(device, connected=True)


def test_stuck_in_progress_of_a_bonded_device_keeps_the_bond(bluez, bluetooth_hub):  # noqa: F811
    """RemoveDevice would throw the key away; the adapter is switched off and on instead."""
    hub = bluetooth_hub()
    p = probe("held", 1)
    p.stuck = True
    bluez.add(p)
    hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600", 90)
    assert p.removals == 0 and p.bonded and bluez.power_offs == 1
    assert bluez.calls["Device1.Pair"] == 0


def test_in_progress_that_passes_needs_no_remedy(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    p.links.append(Link(error=BluezError("Failed", "Operation already in progress")))
    hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    assert p.removals == 0 and bluez.power_offs == 0


# -- le-connection-abort-by-local


def test_abort_by_local_waits_for_the_link_to_fall(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    p.links.append(Link(error=BluezError("Failed", "le-connection-abort-by-local"), linger=1.0))
    hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    fell = next(at for what, at in p.history if what == "down")
    assert times(bluez, "Device1.Connect", p.path)[1] >= fell, "no attempt while bluetoothd still calls it connected"
    assert p.removals == 0


# -- ServicesResolved before the objects are exported


def test_resolved_before_the_objects(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    p.objects_late = 1.0
    hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    assert bluez.calls["Device1.Connect"] == 1 and p.removals == 0


# -- links that outlive a dead client


def test_a_killed_hub_adopts_its_links_and_leaves_others_alone(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    mine = bluez.add(probe("held", 1))
    other = bluez.add(oximeter(90, bonded=False))
    bluez.on_loop(lambda: other.up_now())
    device = hub.register("test/held", mine)
    mine.advertise()
    deliver(hub, mine, "36.600")
    hub.kill()
    wait_for(lambda: not mine.is_subscribed("2A1C"), 20, "the subscription died with the hub")
    assert mine.connected
    hub.start()
    deliver(hub, mine, "36.700")
    assert mine.connections == 1, "the link went on"
    assert other.connected and bluez.called("Device1.Disconnect", other.path) == 0
    hub.wait_sensor(device, connected=True)
    hub.wait_adapter(slots={"used": 2, "max": 5})


# -- stale GATT cache after a firmware update


def new_firmware(kind: str, flags: str = "notify", name: str = "2A1C") -> Service:
    from bluetooth_support import SESSIONS

    return Service(SESSIONS[kind][0], Characteristic("2A00", "read"), Characteristic(name, flags))


@pytest.mark.parametrize("kind", ["open", "renew"])
def test_stale_cache_is_removed(bluez, bluetooth_hub, kind):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe(kind, 1))
    hub.register(f"test/{kind}", p)
    p.advertise()
    deliver(hub, p, "36.600")
    p.change_firmware(new_firmware(kind))
    p.drop()
    deliver(hub, p, "36.700", 90)
    assert p.removals >= 1


def test_stale_cache_of_a_bonded_device_is_told_and_keeps_the_bond(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    device = hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    p.change_firmware(new_firmware("held"))
    p.drop()
    hub.wait_problem(device, "stepRefused", "missingCharacteristic", "bondLost", seconds=60)
    assert p.removals == 0 and p.bonded and bluez.calls["Device1.Pair"] == 0
    # A person pairs it anew; that clears the cache, too.
    bluez.on_loop(p.forget_now)
    status, said = pair(hub, "--address", p.address, "--profile", "test/held", "--no-test")
    assert status == 0, said
    deliver(hub, p, "36.700", 45)


# -- bond lost on the device only


@pytest.mark.parametrize("shows", ["authentication", "access", "drop", "abort"])
def test_a_lost_bond_is_told_and_never_renewed_silently(bluez, bluetooth_hub, shows):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    device = hub.register("test/held", p, hub.person())
    p.advertise()
    deliver(hub, p, "36.600")
    p.lost_bond_shows = shows
    p.forget_bond()
    p.drop()
    # 5.66 shows a refused key as an attempt that it gave up itself: it cannot be told from a weak signal for certain.
    hub.wait_problem(device, *(["bondLost", "cannotConnect"] if shows == "abort" else ["bondLost"]), seconds=60)
    assert bluez.calls["Device1.Pair"] == 0 and p.removals == 0
    if shows != "abort":
        assert hub.alert("bondLost")["priority"] == "medium", "somebody has to go there and pair it"
    before = bluez.calls["Device1.Connect"]
    mark = time.monotonic()
    wait_for(lambda: time.monotonic() > mark + 1, 5, "a second of advertisements")
    assert bluez.calls["Device1.Connect"] - before <= 4, "it does not hammer"
    status, said = pair(hub, "--address", p.address, "--no-test")
    assert status == 0, said
    deliver(hub, p, "36.700")
    if shows != "abort":
        hub.alert("bondLost", state="cleared")
    assert len([a for a in hub.all_alerts() if a["rule"] == "bondLost"]) <= 1
    wait_for(lambda: not hub.sensor(device).get("problem"), 20, "the problem is over")
    assert len(hub.ask("device", "list")) == 1, "it is the same device, not a second one"


@pytest.mark.parametrize("shows", ["authentication", "access", "drop", "abort"])
def test_a_profile_that_renews_its_key_is_paired_again(bluez, bluetooth_hub, shows):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("renew", 1))
    hub.register("test/renew", p)
    p.advertise()
    deliver(hub, p, "36.600")
    p.lost_bond_shows = shows
    p.forget_bond()
    p.drop()
    deliver(hub, p, "36.700", 60)
    assert p.removals == 1 and bluez.calls["Device1.Pair"] == 1 and p.bonded


def test_a_device_without_a_bond_is_not_paired_by_itself(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1, bonded=False))
    device = hub.register("test/held", p)
    p.advertise()
    hub.wait_problem(device, "notPaired")
    assert bluez.calls["Device1.Pair"] == 0


# -- connection slots


def test_slots_run_out_and_everybody_gets_a_turn(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub(connectionsMax=5)
    bluez.slots = 5
    person = hub.person()
    probes = [bluez.add(probe("brief", n)) for n in range(1, 8)]
    for p in probes:
        p.link.delay = 0.1
        hub.register("test/brief", p, person)
    call = bluez.add(button(30))
    call.link.delay = 0.1
    hub.register("generic/ble-sos-button", call, person)
    for n, p in enumerate(probes):
        value = temperature(f"36.{n:03d}")
        on_subscribe(p, "2A1C", lambda p, value=value: p.notify_now("2A1C", value))
    on_subscribe(call, "FFE1", lambda p: p.notify_now("FFE1", b"\x01"))
    # All wake up at the same moment, the button last.
    bluez.on_loop(lambda: [p.advertise_now() for p in [*probes, call]])
    hub.alert("sos")
    wanted = set(normal([f"36.{n:03d}" for n in range(7)]))
    # Who had a turn may have another one before the last has the first.
    wait_for(lambda: set(hub.values("temperature")) == wanted, 60, "everybody's value")
    connects = bluez.on_loop(lambda: [path for _, member, path in bluez.log if member == "Device1.Connect"])
    assert connects.index(call.path) <= 1, "the button waits for at most the attempt that is under way"
    assert bluez.links_most <= 5 and bluez.links_pushed_out == 0


def test_an_alarm_button_gets_a_slot_of_a_full_adapter(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub(connectionsMax=2)
    bluez.slots = 2
    probes = [bluez.add(probe("held", n)) for n in (1, 2)]
    for p in probes:
        hub.register("test/held", p)
        p.advertise()
    for p in probes:
        wait_subscribed(p, "2A1C")
    call = bluez.add(button(30))
    hub.register("generic/ble-sos-button", call, hub.person())
    call.advertise()
    wait_subscribed(call, "FFE1", 30)
    call.notify("FFE1", b"\x01")
    hub.alert("sos")
    assert bluez.links_pushed_out == 0 and sum(p.connected for p in probes) == 1
    hub.wait_adapter(slots={"used": 2, "max": 2})


def test_strangers_links_take_slots(bluez, bluetooth_hub):  # noqa: F811
    """Somebody's headset holds the only free connection but one: one device at a time, and the headset stays."""
    hub = bluetooth_hub(connectionsMax=2)
    bluez.slots = 2
    headset = bluez.add(oximeter(90, bonded=False))
    bluez.on_loop(headset.up_now)
    probes = [bluez.add(probe("brief", n)) for n in (1, 2, 3)]
    for n, p in enumerate(probes):
        value = temperature(f"36.{n:03d}")
        hub.register("test/brief", p)
        on_subscribe(p, "2A1C", lambda p, value=value: p.notify_now("2A1C", value))
    bluez.on_loop(lambda: [p.advertise_now() for p in probes])
    wait_for(lambda: len(set(hub.values("temperature"))) == 3, 60, "everybody's value")
    assert headset.connected and bluez.links_pushed_out == 0 and bluez.called("Device1.Disconnect", headset.path) == 0


# -- unbonded device sends no notifications after reconnect


def test_an_unbonded_device_is_removed_after_its_connection(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = probe("open", 1)
    p.mute_on_reconnect = True
    bluez.add(p)
    hub.register("test/open", p)
    p.advertise()
    for n in range(4):
        deliver(hub, p, f"36.{n}10", 45)
        p.drop()
    wait_for(lambda: p.removals >= 4, 20, "removed after each connection")


# -- found beside the table


def test_connect_that_never_answers(bluez, bluetooth_hub):  # noqa: F811
    """BlueZ takes 40 s for an absent device, a lost reply for ever: the hub has its own limit, and cancels by Disconnect."""
    hub = bluetooth_hub(connectTimeout="2s")
    p = bluez.add(probe("held", 1))
    p.links.append(Link(delay=120))
    hub.register("test/held", p)
    began = time.monotonic()
    p.advertise()
    deliver(hub, p, "36.600", 60)
    assert time.monotonic() - began < 90, "the hub did not wait for bluetoothd's answer"
    assert bluez.called("Device1.Disconnect", p.path) >= 1


def test_connect_whose_reply_is_lost(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub(connectTimeout="2s")
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    bluez.fault("Device1.Connect", Never(), times=1)
    p.advertise()
    deliver(hub, p, "36.600", 45)


def test_the_signal_of_the_connection_is_missing(bluez, bluetooth_hub):  # noqa: F811
    hub = bluetooth_hub()
    p = probe("held", 1)
    p.link = Link(signal=False)
    bluez.add(p)
    device = hub.register("test/held", p)
    p.advertise()
    deliver(hub, p, "36.600")
    hub.wait_sensor(device, connected=True)
    p.drop()
    deliver(hub, p, "36.700")
    assert bluez.calls["Device1.Connect"] == 2


def test_bluetoothd_connects_by_itself(bluez, bluetooth_hub):  # noqa: F811
    """A trusted device may be connected in the background: the hub takes the link that is there."""
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    wait_for(lambda: hub.bluetooth()["available"], 20, "the link works")
    p.connect_by_itself()
    deliver(hub, p, "36.600")


@pytest.mark.parametrize("error", ["NotSupported", "NotPermitted", "InProgress", "Failed"])
def test_refused_AcquireNotify_becomes_StartNotify(bluez, bluetooth_hub, error):  # noqa: F811
    hub = bluetooth_hub()
    p = bluez.add(probe("held", 1))
    hub.register("test/held", p)
    bluez.fault("GattCharacteristic1.AcquireNotify", BluezError(error, "no"), times=None)
    p.advertise()
    deliver(hub, p, "36.600")
    assert bluez.called("GattCharacteristic1.StartNotify", p.path) == 1


# -- waits that the specifications set, 30 s each, so all of them at once


@pytest.mark.patient
@pytest.mark.timeout(600)
def test_what_is_never_answered_is_given_up(bluez, bluetooth_hub):  # noqa: F811
    """Services that are never resolved; a control point that answers neither a report, nor a count, nor a deletion. Nothing hangs.

    And a characteristic that is gone after a firmware update, for good: it is waited for, and told.
    """
    hub = bluetooth_hub()
    gone = bluez.add(probe("held", 2))
    older = hub.register(gone.profile, gone)
    gone.advertise()
    deliver(hub, gone, "36.500")
    gone.change_firmware(new_firmware("held", name="2A6E"), stale=False)
    gone.drop()
    mute = probe("held", 1)
    mute.resolves = False
    bluez.add(mute)
    meters = {opcode: bluez.add(glucose_meter(100 + opcode)) for opcode in (REPORT, COUNT, DELETE)}
    devices = {mute: hub.register(mute.profile, mute)}
    for opcode, p in meters.items():
        p.records.records = [glucose_record(opcode * 100 + n) for n in range(5)]
        p.records.ignored = {opcode}
        devices[p] = hub.register(p.profile, p)
    for p in devices:
        p.advertise()
    wait_for(lambda: mute.connected, 20, "connected")
    hub.wait_problem(older, "missingCharacteristic", seconds=60)
    assert gone.removals == 0 and gone.bonded
    wait_for(lambda: not mute.connected, 60, "it frees the connection for others")
    mute.resolves = True
    deliver(hub, mute, "36.600", 60)
    hub.wait_problem(devices[meters[REPORT]], "recordAccess", seconds=60)
    requests = meters[REPORT].records.requests
    assert 1 <= requests[ABORT] <= requests[REPORT], "what goes on too long is called off"
    for opcode in (COUNT, DELETE):
        hub.wait_problem(devices[meters[opcode]], "recordAccess", seconds=60)
        assert len(meters[opcode].records.records) == 5, "not counted, not deleted"
    for p in meters.values():
        bluez.on_loop(p.records.ignored.clear)
        p.drop()
    wait_for(lambda: all(not p.records.records for p in meters.values()), 60, "the next session is a good one")
    assert len(hub.values("glucose")) == 15 == len(set(hub.values("glucose")))
