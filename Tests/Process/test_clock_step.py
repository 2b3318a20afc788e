"""The hub's own clock is set by a day while it runs: what is measured now is told now, and somebody hears that the clock is in doubt."""

from datetime import datetime, timezone
import struct

import pytest

from support import LISTED, TOLD, wait_for
from test_time import wrong_clock  # noqa: F401  (a fixture)

DAY = 86_400


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.patient
@pytest.mark.timeout(240)  # What it waits for, added up.
def test_a_day_ahead_and_back(make_hub, broker, bridge, folder, wrong_clock):  # noqa: F811
    cell = folder / "shift"
    cell.write_bytes(struct.pack("q", 0))

    def set_clock(seconds: int):
        with cell.open("r+b") as file:
            file.write(struct.pack("q", seconds))

    hub = make_hub(broker, start=False)
    hub.environment = wrong_clock(0) | {"WALL_CLOCK_SHIFT_FILE": str(cell)}
    hub.start()
    people = [hub.person(f"Person {n}") for n in range(3)]
    for n, person in enumerate(people):
        hub.device("generic/mqtt-vitals", f"v{n}", person, interval=600)

    def send(n: int, spo2: int):
        bridge.send(f"knutepunkt/devices/v{n}/vitals", f'{{"spo2": {spo2}, "time": "{now()}"}}')

    send(0, 97)
    wait_for(lambda: hub.values("spo2") == ["97"], 20, "the first value")
    set_clock(DAY)
    send(0, 70)
    hub.alert("news2SingleThree", patient=people[0])
    # One that is heard for the first time since.
    send(1, 70)
    hub.alert("news2SingleThree", patient=people[1])
    said = lambda: [p for p in hub.api("GET", "/v1/status")[1]["problems"] if p["kind"] == "clockDoubtful"]  # noqa: E731
    wait_for(lambda: said(), LISTED, "status says that the clock is in doubt")
    hub.alert("clockDoubtful", seconds=TOLD)
    assert not [alert for alert in hub.all_alerts() if alert["rule"] == "deviceClockWrong"], "no device is blamed"
    set_clock(0)
    send(2, 70)
    hub.alert("news2SingleThree", patient=people[2])
