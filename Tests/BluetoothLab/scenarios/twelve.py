"""Twelve devices of seven kinds on one adapter, with five connections for them: each delivers, and an alarm button is heard
while scales wait. Neighbours' devices pass by meanwhile and leave no trace but a count.
"""

from collections import Counter
from pathlib import Path
import time

from .world import World, expect

LAB = "-t 1200 -m 1G -k time-travel"
SLOTS = 5
# A press must not wait for a scale's turn. From the press to the nurses' webhook, the radio's part included.
ALARM_SECONDS = 5


def home(world: World) -> dict:
    address = "C0:FF:EE:12:{:02X}:{:02X}".format
    devices = {}
    for n in range(3):
        devices[f"Oximeter {n}"] = world.device("oximeter", f"Oximeter {n}", address(1, n), every=1.0)
    for n, maker in enumerate(("sig", "aandd")):
        name = "A&D_UA-651BLE_0001" if maker == "aandd" else "Cuff"
        devices[name] = world.device("cuff", name, address(2, n), maker=maker)
    for n in range(2):
        devices[f"Thermometer {n}"] = world.device("thermometer", f"Thermometer {n}", address(3, n))
        devices[f"Scale {n}"] = world.device("scale", f"Scale {n}", address(4, n))
    devices["Glucose"] = world.device("glucose", "Glucose", address(5, 0), records=3, advertising="asked")
    devices["Tag"] = world.device("gatt-button", "Tag", address(6, 0))
    devices["Button"] = world.device("button", "Button", address(7, 0))
    return devices


# What no advertisement tells: the installer says that this button is worn. Of the rest the hub must think for itself.
PROFILES = {"Button": "bthome/sos-button"}


def run():
    with World("twelve", {"connectionsMax": SLOTS}) as world:
        devices = home(world)
        world.start()
        patients, identities = {}, {}
        for n, (name, device) in enumerate(devices.items()):
            patients[name] = world.person(f"Person {n}")
            wake(device)
            identities[name] = world.pair(device, patients[name], PROFILES.get(name), seconds=90)
            world.say(f"{name} is {identities[name]['device']}, {identities[name]['profile']}")
        expect(identities["A&D_UA-651BLE_0001"]["profile"] == "aandd/ua-651", "the cuff's own profile was found")
        world.home.home("strangers", count=60, every=0.25)

        # Everybody measures within the same seconds.
        wanted = []
        for n, (name, device) in enumerate(devices.items()):
            wanted += measure(device, name, n)
        time.sleep(1)
        with world.timed("an alarm button's press to the nurses while scales wait", ALARM_SECONDS):
            devices["Button"].tell("press")
            world.until("the nurses hear of it", lambda: world.told(rule="sos"), ALARM_SECONDS + 5, 0.02)
        with world.timed("the held button's press to the nurses", ALARM_SECONDS):
            devices["Tag"].tell("press")
            world.until("the nurses hear of it", lambda: len(world.told(rule="sos", kind="raised")) >= 2, ALARM_SECONDS + 5, 0.02)

        with world.timed("every device's measurement at the hospital", 180):
            for code, value in wanted:
                if code == "pressure":
                    world.until(f"{value} at the hospital", lambda: value in world.pressures(), 180)
                else:
                    world.wait_value(code, value, 180)
        status = world.bluetooth_status()
        expect(len(status["devices"]) == 12, f"{len(status['devices'])} devices")
        expect(status["slots"]["max"] == SLOTS and status["slots"]["used"] <= SLOTS, f"slots {status['slots']}")
        problems = {d["label"]: d["problem"] for d in status["devices"] if d.get("problem")}
        expect(not problems, f"problems: {problems}")
        # One press is one alarm, though each advertisement of it is sent twenty times.
        raised = Counter(e["patient"]["hubPatient"] for e in world.told(rule="sos", kind="raised"))
        expect(raised == {patients["Button"]: 1, patients["Tag"]: 1}, f"alarms: {dict(raised)}")
        for name in ("Cuff", "A&D_UA-651BLE_0001", "Thermometer 0", "Thermometer 1", "Scale 0", "Scale 1"):
            expect(devices[name].status["memory"] == 0, f"{name} was emptied")
        meter = devices["Glucose"].status
        expect(meter["records"] == [1, 2, 3, 4] and not meter["deleted"], f"the meter's memory is hers: {meter['records']}")
        expect(world.home.home("air")["strangers"] >= 30, "neighbours passed by")
        strangers(world)
        return world.measured


def wake(device):
    """Somebody holds the device's pairing button, or presses it."""
    kind = device.status["kind"]
    if kind == "button":
        device.tell("announce")
    elif kind in ("cuff", "thermometer", "scale"):
        device.tell("pairing")
    else:
        device.tell("on")


def measure(device, name: str, n: int) -> list:
    """What the hospital must get of it."""
    kind = device.status["kind"]
    if kind == "oximeter":
        device.tell("value", pulse=100 + n)
        return [("pulse", 100 + n)]
    if kind == "thermometer":
        device.tell("measure", value=f"37.{n % 10}")
        return [("temperature", float(f"37.{n % 10}"))]
    if kind == "scale":
        device.tell("measure", value=f"{60 + n}.5")
        return [("weight", 60.5 + n)]
    if kind == "cuff":
        device.tell("measure", systolic=120 + n, diastolic=80, pulse=60 + n)
        return [("pressure", (120 + n, 80))]
    if kind == "glucose":
        device.tell("measure", value="6.4", meal=True)
        return [("glucose", 6.4)]
    return []


def strangers(world: World):
    """Not one neighbour's name or address in what the hub keeps or writes."""
    for file in [*world.hub.folder.glob("*.log"), *world.hub.state.glob("*")]:
        text = Path(file).read_bytes() if Path(file).is_file() else b""
        expect(b"Neighbour" not in text, f"a neighbour's device is named in {file.name}")
