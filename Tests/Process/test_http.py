"""Servers that speak HTTP in every legal way, and servers that do not: what counts as delivered, and that each is one's own."""

import os
import time

import pytest

from raw_http import RawServer
from support import Destination, SECRET, escalation, wait_for, wait_heard, webhook

LEGAL = [
    "word", "empty", "accepted", "no-reason", "odd-fields", "own-json", "own-id", "echo", "http10", "until-close", "chunked", "continue",
    "hints", "gzip", "piecemeal", "redirect-301", "redirect-302", "redirect-303", "redirect-307", "redirect-308", "closes-kept",
]
BAD = [
    "another-event", "page", "loop", "downgrade", "stranger", "drip", "endless-head", "endless-interim", "endless-body", "bomb",
    "two-lengths", "cut", "silent", "busy",
]


@pytest.fixture
def server():
    server = RawServer()
    yield server
    server.stop()


def hooks(server, names, timeout="10s"):
    return [Destination(name, "webhook", server.url(name), secret=SECRET, share=("alerts",), timeout=timeout) for name in names]


def home(make_hub, broker, destinations, **sections):
    names = [d.name for d in destinations]
    hub = make_hub(broker, destinations, escalation=escalation(*names, high=("1h",)), **sections)
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person())
    return hub


def test_every_legal_answer_is_read_and_every_redirect_within_the_origin_followed(make_hub, broker, bridge, server):
    hub = home(make_hub, broker, hooks(server, LEGAL))
    bridge.sos("sos1")
    # 303 says that it is done and where to look: a GET. All others bring the same again.
    paths = {name: f"{name}/there" if name.startswith("redirect") else name for name in LEGAL}
    for name, path in paths.items():
        wait_for(lambda: server.ids(path), 30, f"{name} is reached")
    wait_for(lambda: all(d["pendingAlarms"] == 0 for d in hub.status()["destinations"]), 30, "all are delivered")
    for name, path in paths.items():
        events = server.events[path]
        assert len(events) == 1, f"{name} was told {len(events)} times"
        assert events[0][2] == ("GET" if name == "redirect-303" else "POST"), name
    assert {d["dead"] for d in hub.status()["destinations"]} == {0}


def test_a_kept_connection_that_the_server_closed_costs_no_alarm(make_hub, broker, bridge, server):
    hub = home(make_hub, broker, hooks(server, ["closes-kept"]))
    for number in range(1, 5):
        bridge.sos("sos1")
        wait_for(lambda: len(set(server.ids("closes-kept"))) >= number, 10, f"press {number}")
        time.sleep(0.25 + number * 0.02)  # Around the moment at which it closes.
    wait_for(lambda: hub.status()["destinations"][0]["pendingAlarms"] == 0, 30, "all delivered")


def test_what_confirms_nothing_is_no_delivery_and_bounded_and_another_hears_at_once(make_hub, broker, bridge, receiver, server):
    stranger = RawServer()
    server.elsewhere = stranger.url("word")
    hub = home(make_hub, broker, [webhook(receiver), *hooks(server, BAD, "6s")])
    before = memory(hub)
    bridge.sos("sos1")
    began = time.monotonic()
    wait_heard(receiver, "sos", seconds=5)
    assert time.monotonic() - began < 5, "before the silent ones are given up"
    for name in BAD:
        wait_for(lambda: server.ids(name), 30, f"{name} is tried")

    def bad():
        return [d for d in hub.status()["destinations"] if d["name"] in BAD]

    wait_for(lambda: all(d["health"]["state"] == "failing" for d in bad()), 40, "each has failed in its own way")
    time.sleep(3)  # They are tried again meanwhile: what is watched is that nothing happens.
    for destination in hub.status()["destinations"]:
        if destination["name"] in BAD:
            assert destination["pendingAlarms"] == 1 and destination["delivered"] == 0, destination
            assert destination["health"]["state"] == "failing" and destination["health"]["reason"], destination
    assert stranger.connections == 0, "nothing goes to an origin that nobody configured"
    assert memory(hub) - before < 96 << 20
    bridge.sos("sos1")
    wait_heard(receiver, "sos", count=2)
    began = time.monotonic()
    assert hub.stop(seconds=30) == 0 and time.monotonic() - began < 10
    stranger.stop()


def memory(hub) -> int:
    pid = hub.processes["all"].pid
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
