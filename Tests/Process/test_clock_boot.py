"""A machine that does not know the time when it starts, one whose year is wrong, and one that has slept."""

from datetime import datetime, timedelta, timezone
import json
import struct
import time

import pytest

from support import LISTED, PULSE, TOLD, escalation, hospital, numbered_temperatures, wait_for, wait_heard, webhook
from test_time import wrong_clock  # noqa: F401  (a fixture)

YEAR = 366 * 86_400


class Machine:
    """The clock of one machine: how far it is off, what else it says, and how long it has slept."""

    def __init__(self, folder, environment):
        self.facts, self.wall, self.boot = folder / "facts", folder / "wall", folder / "boot"
        self.environment = environment | {
            "CLOCK_FACTS": str(self.facts), "WALL_CLOCK_SHIFT_FILE": str(self.wall), "BOOT_CLOCK_SHIFT_FILE": str(self.boot)}
        self.say("proc/sys/kernel/random/boot_id", "boot 1\n")
        self.off(0)
        self.boot.write_bytes(struct.pack("q", 0))

    def say(self, path, text):
        file = self.facts / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def off(self, seconds: int): self.put(self.wall, seconds)

    def slept(self, seconds: int): self.put(self.boot, seconds)

    @staticmethod
    def put(file, seconds: int):
        if not file.exists():
            file.write_bytes(bytes(8))
        with file.open("r+b") as cell:
            cell.write(struct.pack("q", int(seconds)))


@pytest.fixture
def machine(folder, wrong_clock):  # noqa: F811
    return Machine(folder, wrong_clock(0))


def is_now(text: str) -> bool:
    return abs(datetime.fromisoformat(text) - datetime.now(timezone.utc)) < timedelta(minutes=2)


def problems(hub) -> list[dict]:
    return [p for p in hub.status()["problems"] if p["kind"] == "clockDoubtful"]


def observations(receiver) -> list[dict]:
    return [o for o in receiver.fhir["fhir"].resources["Observation"] if "valueQuantity" in o]


@pytest.mark.parametrize("saved", ["1970", "the last shutdown"])
def test_a_board_without_a_clock_places_what_it_recorded(make_hub, broker, bridge, receiver, machine, saved):
    """Alarms go at once and say that the time is uncertain; records wait for the right time, and get it."""
    hub = make_hub(
        broker, [webhook(receiver), hospital(receiver, share=("observations",))], start=False, escalation=escalation("nurses"))
    receiver.strict.add("nurses")
    hub.environment = machine.environment
    machine.say("proc/device-tree/model", "Board 1\0")
    machine.say("synchronised", "")
    hub.start()
    patient = hub.person()
    hub.device("zigbee2mqtt/sos-button", "sos1", patient)
    hub.device("generic/mqtt-vitals", "v1", patient)
    hub.stop()

    (machine.facts / "synchronised").unlink()
    machine.say("proc/sys/kernel/random/boot_id", "boot 2\n")
    machine.off(20 - time.time() if saved == "1970" else -3 * 3_600)
    hub.start()
    assert "DOUBTFUL" in hub.status()["clock"]
    bridge.sos("sos1")
    call = wait_heard(receiver, "sos")[0]
    assert call["timeUncertain"] and not is_now(call["raisedAt"])
    bridge.send("knutepunkt/devices/v1/vitals", json.dumps({"temperature": 36.1, "time": now()}))
    wait_for(lambda: hub.values("temperature") == ["36.1"], 20, "the value")
    # The call has gone out meanwhile and another follows, so the value has had its time.
    bridge.sos("sos1")
    wait_heard(receiver, "sos", count=2)
    assert hub.pending() > 0 and observations(receiver) == []
    assert not problems(hub), "nobody is called in the first minutes after a start"

    machine.off(0)
    sent = wait_for(lambda: observations(receiver), 30, "the record, once the time is known")
    assert is_now(sent[0]["effectiveDateTime"]) and "note" not in sent[0]
    wait_for(lambda: "DOUBTFUL" not in hub.status()["clock"], PULSE, "the clock is believed")
    alert = hub.alert("sos")
    assert is_now(alert["raisedAt"])
    assert is_now(hub.get(f"/v1/explain/{alert['id']}")["history"][0]["at"])
    kept = hub.sql("SELECT wall FROM entry e JOIN observation USING (sequence)")[0]["wall"] / 1_000
    assert abs(kept - time.time()) > 3_600, "the row keeps what the clock said"
    bridge.sos("sos1")
    call = wait_heard(receiver, "sos", count=3)[-1]
    assert "timeUncertain" not in call and is_now(call["raisedAt"])
    rules = {a["rule"] for a in hub.all_alerts()}
    assert rules == {"sos"}, "neither the device nor the hub is blamed"


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_year_that_is_wrong_forgets_nothing(make_hub, broker, bridge, machine):
    """The battery clock says 2060 after a power cut. Nothing is old because of it, and somebody hears."""
    hub = make_hub(broker, start=False, journal={"retention": "1d", "snapshotEvery": 100})
    hub.environment = machine.environment
    hub.start()
    hub.device("bridge/thermometer", "t1", hub.person())
    for part in (1, 2, 3):
        for value in numbered_temperatures(120, start=part * 120):
            bridge.temperature("t1", value)
        hub.wait_stored(part * 120)
        snapshots = min(part, 2)
        wait_for(lambda: hub.sql("SELECT count(*) FROM snapshot")[0][0] == snapshots, 40, f"snapshot {part}")
    hub.stop()
    machine.say("proc/sys/kernel/random/boot_id", "boot 2\n")
    machine.say("sys/class/rtc/rtc0/since_epoch", str(int(time.time()) + 34 * YEAR))
    machine.off(34 * YEAR)
    hub.start()
    found = wait_for(lambda: problems(hub), LISTED, "status says that the clock is in doubt")[0]
    assert "days further on" in found["detail"] and "nothing old is removed" in found["next"]
    # Each commit is followed by a look at what is too old.
    for n, value in enumerate(numbered_temperatures(20, start=600)):
        bridge.temperature("t1", value)
        hub.wait_stored(361 + n)
    assert hub.sql("SELECT count(*) FROM observation")[0][0] == 380
    hub.alert("clockDoubtful", seconds=TOLD)
    # Mended, it goes on as before; what was recorded meanwhile is of now.
    machine.off(0)
    wait_for(lambda: "DOUBTFUL" not in hub.status()["clock"], PULSE, "the clock is believed")
    wait_for(lambda: is_now(hub.alert("clockDoubtful")["raisedAt"]), PULSE, "what was told meanwhile was told now")
    assert hub.sql("SELECT count(*) FROM observation")[0][0] == 380


def test_what_was_due_while_the_machine_slept_is_told_at_once(make_hub, broker, bridge, receiver, machine):
    """And once: of a call that is told again every five minutes, not twelve times for the hour that nobody heard anything."""
    levels = escalation("nurses", high=("60s",)) | {"repeatUntaken": {"high": "300s"}}
    hub = make_hub(broker, [webhook(receiver)], start=False, escalation=levels)
    hub.environment = machine.environment
    hub.start()
    patient = hub.person()
    hub.device("zigbee2mqtt/sos-button", "sos1", patient)
    hub.device("bridge/thermometer", "t1", patient, interval=1_800)
    bridge.temperature("t1", "36.6")
    bridge.sos("sos1")
    wait_heard(receiver, "sos")
    hub.wait_stored(2)
    machine.slept(3_600)
    machine.off(3_600)
    # Without looking at the clock that slept, the first would be due 60 s after the press, the other half an hour after the value.
    awake = time.monotonic()
    wait_heard(receiver, "sos", "escalated")
    wait_heard(receiver, "signalLoss")
    assert time.monotonic() - awake < 15, "within seconds of the machine's waking up"
    wait_for(lambda: "the machine slept" in hub.log_text(), PULSE, "the log says why")
    assert len(receiver.heard("nurses")) == len({(e["alertId"], e["kind"], e["order"]) for e in receiver.heard("nurses")})
    told = [e["kind"] for e in receiver.heard("nurses") if e["rule"] == "sos"]
    assert told == ["raised", "escalated"], "told once for the whole hour"
    # A start decides the same from the journal: nothing is told anew, and the call goes on as it stood.
    before = hub.alert("sos")
    hub.kill()
    hub.start()
    assert hub.alert("sos") == before
    assert "cannot be given again exactly" not in hub.log_text()
    assert [e["kind"] for e in receiver.heard("nurses") if e["rule"] == "sos"] == told
