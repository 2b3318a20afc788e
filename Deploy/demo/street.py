"""The street: six people, their devices, and what happens to them within a minute.

Devices speak as real ones do: the very payload bytes, through the broker. What each message holds is counted here, when
it is made, and written to `sent.jsonl`; the reconciliation compares that log with what others have seen. The story's
expectations (which alert, for whom) stand here too, and are used by nothing but the reconciliation.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import json
from pathlib import Path
import threading
import time
from zoneinfo import ZoneInfo

from broker import Publisher
import sigframes

ZONE = ZoneInfo("Europe/Oslo")
HOME = (59.91273, 10.74609)
DOSE_GRACE = 4


@dataclass
class Device:
    key: str
    label: str
    profile: str
    address: str
    interval: int | None = None
    id: str = ""


@dataclass
class Person:
    key: str
    name: str
    national_id: str
    home: str
    plan: list[str]
    devices: dict[str, Device] = field(default_factory=dict)
    expected: Counter = field(default_factory=Counter)
    missed_at: datetime | None = None
    id: str = ""


# What staff know of each, as they would write it. Neither the street nor the numbers exist.
RECORDS = {
    "copd": [
        "street=Prøvegata 1", "floor=H0101", "postalCode=0001", "city=Oslo", "phone.1=00000101", "critical=Kols. Ikke mer oksygen enn avtalt",
        "plan=Ring først. Svarer hun ikke, rykk ut", "kin.1.name=Tor Berg", "kin.1.relation=sønn", "kin.1.phone=00000111",
        "kin.1.consent=yes", "doorCode=0000",
    ],
    "dose": ["street=Prøvegata 2", "postalCode=0001", "city=Oslo", "phone.1=00000102", "plan.doseMissed=Ring og minn om dosen"],
    "alarm": [
        "street=Prøvegata 3", "floor=H0302", "postalCode=0001", "city=Oslo", "phone.1=00000103", "entry=Ring på hos naboen, H0301",
        "critical=Blodfortynnende", "plan.sos=Rykk ut med en gang", "kin.1.name=Anne Moen", "kin.1.relation=datter",
        "kin.1.phone=00000113", "kin.1.consent=yes", "keyBox=0000",
    ],
    "door": ["street=Prøvegata 4", "postalCode=0001", "city=Oslo", "phone.1=00000104", "critical=Demens", "plan=Ring datteren, og rykk ut"],
    "gps": ["street=Prøvegata 5", "postalCode=0001", "city=Oslo", "phone.1=00000105", "language=pl", "interpreter=yes"],
}


def synthetic_id(day: int, month: int, year: int, individual: int = 100) -> str:
    """A national identity number that no living person has: 80 is added to the month. Its check digits are right."""
    while True:
        digits = [int(c) for c in f"{day:02d}{month + 80:02d}{year % 100:02d}{individual:03d}"]
        first = -sum(a * b for a, b in zip(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2))) % 11
        second = -sum(a * b for a, b in zip(digits + [first], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))) % 11
        if first < 10 and second < 10:
            return "".join(map(str, digits + [first, second]))
        individual += 1


def minute_text(moment: datetime) -> str:
    return f"{moment.hour:02d}:{moment.minute:02d}"


def people(now: datetime | None = None) -> list[Person]:
    """The residents. Doses and the night watch are placed around the present moment, local time."""
    now = (now or datetime.now(ZONE)).astimezone(ZONE)
    taken_at = now - timedelta(minutes=now.minute % 60 + 60)
    # A dose is planned for a whole minute ahead, far enough that the plan is in force by then.
    missed_at = (now + timedelta(seconds=80)).replace(second=0, microsecond=0)
    return [
        Person(
            "copd", "Solveig Berg", synthetic_id(21, 1, 1954), "COPD, home oxygen, scale 2",
            ["--scale", "2", "--oxygen", "oxygen"],
            {
                "oximeter": Device("oximeter", "Pulse oximeter", "bridge/pulse-oximeter", "a4c138000001", 120),
                "cuff": Device("cuff", "Blood-pressure cuff", "bridge/blood-pressure", "a4c138000002", 0),
                "thermometer": Device("thermometer", "Thermometer", "bridge/thermometer", "a4c138000003", 0),
            },
            # One alert for one condition: it is raised at 5 and grows more urgent at 7.
            Counter({"news2High": 1}),
        ),
        Person(
            "dose", "Arne Lie", synthetic_id(5, 3, 1949), "medicine dispenser",
            ["--dose", f"0={minute_text(taken_at)}+3h", "--dose", f"1={minute_text(missed_at)}+{DOSE_GRACE}s"],
            {"dispenser": Device("dispenser", "Medicine dispenser", "generic/mqtt-dispenser", "dispenser-7", 300)},
            Counter({"doseMissed": 1}),
            missed_at=missed_at + timedelta(seconds=DOSE_GRACE),
        ),
        Person(
            "alarm", "Kari Moen", synthetic_id(12, 2, 1936), "safety alarm, fall sensor", [],
            {
                "button": Device("button", "SOS button", "zigbee2mqtt/sos-button", "sos-button-1", 0),
                "fall": Device("fall", "Fall sensor", "zigbee2mqtt/fall-sensor", "fall-sensor-1", 0),
            },
            Counter({"sos": 1, "fall": 1}),
        ),
        Person(
            "door", "Per Haugen", synthetic_id(30, 1, 1940), "door lock, door contact",
            ["--night", f"{minute_text(now - timedelta(hours=1))}-{minute_text(now + timedelta(hours=6))}+6s"],
            {
                "lock": Device("lock", "Front-door lock", "nuki/smart-lock", "3A5B7C9D", 0),
                "contact": Device("contact", "Front-door contact", "zigbee2mqtt/door-contact", "front-door-1", 0),
            },
            Counter({"doorOpenAtNight": 1}),
        ),
        Person(
            "gps", "Ingrid Dahl", synthetic_id(17, 5, 1945), "GPS tracker, agreed area",
            ["--geofence", f"{HOME[0]},{HOME[1]},300m,fixes=2"],
            {"tracker": Device("tracker", "GPS tracker", "owntracks/tracker", "ingrid/phone", 0)},
            Counter({"geofenceExit": 1}),
        ),
        Person(
            "silent", "Olav Strand", synthetic_id(8, 2, 1933), "thermometer that goes silent", [],
            {"thermometer": Device("thermometer", "Bedside thermometer", "bridge/thermometer", "a4c138000006", 12)},
            Counter({"signalLoss": 1}),
        ),
    ]


class SenderLog:
    """What left the devices, one JSON line a message, with the readings that it holds."""

    def __init__(self, file: Path):
        self.file, self.lock = file, threading.Lock()
        self.readings: Counter = Counter()
        self.messages = 0

    def add(self, device: Device, topic: str, payload: bytes, readings: dict):
        with self.lock, self.file.open("a") as file:
            line = {"at": time.time(), "device": device.id, "topic": topic, "payload": payload.hex(), "readings": readings}
            file.write(json.dumps(line) + "\n")
            self.messages += 1
            for kind, count in readings.items():
                self.readings[device.id, kind] += count


class Street:
    """The devices' side of the broker."""

    def __init__(self, residents: list[Person], broker_port: int, log: SenderLog):
        self.residents = {person.key: person for person in residents}
        self.publisher = Publisher(broker_port, "street-bridge")
        self.log = log

    def send(self, person: str, device: str, topic: str, payload: bytes | str, readings: dict):
        payload = payload.encode() if isinstance(payload, str) else payload
        what = self.residents[person].devices[device]
        # Logged first: what is sent and then forgotten would look as if nobody had lost it.
        self.log.add(what, topic, payload, readings)
        return self.publisher.send(topic, payload)

    def close(self):
        self.publisher.close()

    # -- what the devices can say

    def oximeter(self, person: str, spo2: int, pulse: int):
        address = self.residents[person].devices["oximeter"].address
        self.send(person, "oximeter", f"ble/{address}/2a5f", sigframes.plx_continuous(spo2, pulse), {"spo2": 1, "pulse": 1})

    def cuff(self, person: str, systolic: int, diastolic: int, pulse: int):
        address = self.residents[person].devices["cuff"].address
        mean = diastolic + (systolic - diastolic) // 3
        frame = sigframes.blood_pressure(systolic, diastolic, mean, pulse)
        self.send(person, "cuff", f"ble/{address}/2a35", frame, {"systolic": 1, "diastolic": 1, "meanPressure": 1, "pulseCuff": 1})

    def thermometer(self, person: str, celsius: str):
        address = self.residents[person].devices["thermometer"].address
        self.send(person, "thermometer", f"ble/{address}/2a1c", sigframes.temperature(celsius, place=1), {"temperature": 1})

    def dispenser(self, person: str, event: str, slot: int, kind: str):
        address = self.residents[person].devices["dispenser"].address
        body = {"event": event, "slot": slot, "time": datetime.now(ZONE).isoformat(timespec="seconds")}
        self.send(person, "dispenser", f"knutepunkt/devices/{address}/dose", json.dumps(body), {kind: 1})

    def zigbee(self, person: str, device: str, body: dict, readings: dict):
        address = self.residents[person].devices[device].address
        self.send(person, device, f"zigbee2mqtt/{address}", json.dumps({**body, "linkquality": 112}), readings)

    def lock(self, person: str, state: str, kind: str):
        address = self.residents[person].devices["lock"].address
        # Each state also says that the motor is not blocked.
        self.send(person, "lock", f"nuki/{address}/state", state, {kind: 1, "lockJammed": 1})

    def tracker(self, person: str, north: float, east: float, accuracy: int):
        """A fix so many metres north and east of home."""
        address = self.residents[person].devices["tracker"].address
        latitude, longitude = HOME[0] + north / 111_320, HOME[1] + east / 55_800
        body = {
            "_type": "location", "lat": round(latitude, 6), "lon": round(longitude, 6), "acc": accuracy, "tst": int(time.time()),
            "tid": "ID", "conn": "m",
        }
        self.send(person, "tracker", f"owntracks/{address}", json.dumps(body), {"location": 1})
