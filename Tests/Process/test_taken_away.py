"""What the hub leans on is taken away, one thing in each home: every screen says what is wrong and what to do, and whoever is called
hears it once; given back, it is taken back everywhere.

A lost adapter and a lost bluetoothd stand in test_bluetooth_health.py. All homes live through the same minutes side by side.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import struct
import time
from typing import Callable

import pytest

from bluetooth_support import bluetooth_hub, bluez, bus, deliver, probe, wait_for  # noqa: F401
from screens import Trouble, is_green_on_every_screen, is_told_on_every_screen, problems, standing
from support import LINKED, LISTED, OVER, PULSE, TOLD, Broker, Receiver, escalation, heard, wait_heard, webhook
from test_bluetooth import pair
from test_clock_step import DAY
from test_journal_loss import empty, files, links_up, start_without_journal
from test_time import wrong_clock  # noqa: F401

# DestinationWatch: a probe every 10 s, told after 60 s of failing, with a pulse; tried again after 30 s at the latest, over after 30 s well.
CENTRE_TOLD, CENTRE_OVER = 95, 90

DOCTORS_OWN = "the doctor's own look at it stands below"


@dataclass
class Home:
    # Also the webhook that must hear of it.
    name: str
    hub: object
    rule: str
    trouble: Trouble
    away: Callable[[], None]
    back: Callable[[], None]
    # Seconds until it is listed, told, and taken back.
    listed: float = LISTED
    told: float = TOLD
    over: float = OVER


@pytest.fixture
def parts(folder, receiver, make_hub):
    """Brokers, receivers and hubs for homes, each home's own. `part(thing)` is stopped at the end."""
    things = []

    def part(thing):
        things.append(thing.start())
        return thing

    def hub(name: str, *others, start: bool = True, **sections):
        broker = part(Broker(folder / f"broker-{name}"))
        names = [*(other.name for other in others), name]
        made = make_hub(broker, [*others, webhook(receiver, name)], start=False, name=name, escalation=escalation(*names, high=("1h",)), **sections)
        return made.start() if start else made

    hub.part = part
    yield hub
    for thing in things:
        thing.stop()


def broker_home(parts) -> Home:
    hub = parts("broker")
    return Home("broker", hub, "linkDown", link_trouble("the broker cannot be reached"), hub.broker.kill, lambda: broker_comes_back(hub))


def broker_comes_back(hub):
    """The minute until it is over begins when the link is up."""
    hub.broker.start()
    hub.link_is_up()


def link_trouble(wrong: str) -> Trouble:
    return Trouble(
        "linkDown street", "link street not connected for ", (wrong, "knutepunkt doctor"), DOCTORS_OWN,
        "Ingen forbindelse til street: alarmer fra utstyret der kommer ikke fram. Følg nødrutinen.", own_look="mqtt street")


def flapping_home(parts) -> Home:
    hub = parts("flapping")

    def flap():
        """Eight falls in three quarters of a minute; the last one lasts. The pauses are the broker's rhythm, and wait for nothing."""
        for _ in range(7):
            hub.broker.kill()
            time.sleep(2.5)
            hub.broker.start()
            time.sleep(3.5)
        hub.broker.kill()
        wait_for(lambda: not hub.status()["ready"], LISTED, "the last fall is seen")

    return Home("flapping", hub, "linkDown", link_trouble("→ knutepunkt doctor says"), flap, lambda: broker_comes_back(hub))


def centre_home(parts, folder) -> Home:
    centre = parts.part(Receiver(folder / "centre"))
    hub = parts("spare", webhook(centre, "centre"))
    trouble = Trouble(
        "destinationDown centre", "destination centre not reached", ("knutepunkt outbox list",), DOCTORS_OWN,
        "centre kan ikke nås: varsler dit venter. Ring dem som skulle hatt dem.", own_look="centre")
    return Home("spare", hub, "destinationDown", trouble, centre.stop, centre.start, CENTRE_TOLD, 20, CENTRE_OVER)


def bond_home(parts, receiver, bluez, bluetooth_hub) -> Home:  # noqa: F811
    hub = bluetooth_hub(start=False, name="bond", destinations=[webhook(receiver, "bond")])
    hub.configuration["escalation"] = escalation("bond", high=("1h",))
    hub.write_configuration()
    hub.start()
    p = bluez.add(probe("urgent", 1))
    device = hub.register("test/urgent", p, hub.person())
    p.advertise()
    deliver(hub, p, "36.600")

    def lose():
        p.lost_bond_shows = "authentication"
        p.forget_bond()
        p.drop()

    def pair_again():
        assert hub.alert("bondLost")["priority"] == "high"
        # A device that is not near shows nothing to a hub that was restarted; it is as deaf as before.
        p.silence()
        hub.kill()
        hub.start()
        wait_for(lambda: problems(hub) == [f"bondLost {device}"], LISTED, "still known after a restart")
        p.advertise()
        code, said = pair(hub, "--address", p.address, "--no-test")
        assert code == 0, said
        deliver(hub, p, "36.700", 45)

    board = (
        f"Trygghetsalarmen {device} må pares på nytt: alarmer fra den kommer ikke fram. Se varselet om hvem det gjelder, og følg nødrutinen.")
    trouble = Trouble(
        f"bondLost {device}", f"device {device} without its pairing", ("no longer know each other", f"knutepunkt device show {device}"),
        "run knutepunkt pair beside the device", board)
    # At the attempt that shows it, and told at once.
    return Home("bond", hub, "bondLost", trouble, lose, pair_again, 60, 20, 20)


def clock_home(parts, folder, wrong_clock) -> Home:  # noqa: F811
    cell = folder / "shift"

    def set_clock(seconds: int):
        with cell.open("r+b") as file:
            file.write(struct.pack("q", seconds))

    cell.write_bytes(struct.pack("q", 0))
    hub = parts("clock", start=False)
    hub.environment = wrong_clock(0) | {"WALL_CLOCK_SHIFT_FILE": str(cell)}
    hub.start()
    trouble = Trouble(
        "clockDoubtful", "the clock is not to be trusted", ("it was set forward by 86", "timedatectl"), "timedatectl",
        "Klokken på knutepunktet er ikke til å stole på. Ring drift", is_grave=False)
    return Home("clock", hub, "clockDoubtful", trouble, lambda: set_clock(DAY), lambda: set_clock(0))


JOURNAL = "Knutepunktets journal er borte eller skadd: alarmer varsles, men det som var lagret, mangler. Ring drift"


def journal_home(parts) -> Home:
    """Deleted while the hub runs: written anew from the open file, and said for a minute."""
    hub = parts("journal")
    trouble = Trouble("journalLost", "JOURNAL LOST, alarms go out", ("written anew with all that it held",), "find out who removed", JOURNAL)

    def written_anew():
        wait_for(lambda: files(hub)[0].exists() and hub.status()["store"] == "writing", 20, "the journal is there again")

    return Home("journal", hub, "journalLost", trouble, lambda: empty(hub), written_anew, told=20)


def start_home(parts) -> Home:
    """Not there at a start: an emergency journal, until somebody puts it back and starts the hub again."""
    hub = parts("start")

    def move(old: str, new: str):
        hub.stop()
        for file in files(hub):
            if file.with_name(file.name + old).exists():
                file.with_name(file.name + old).rename(file.with_name(file.name + new))

    def away():
        move("", ".away")
        start_without_journal(hub)
        links_up(hub)

    def back():
        move(".away", "")
        hub.start()

    trouble = Trouble(
        "journalLost", "JOURNAL LOST, alarms go out", ("Put the journal back", "journal.emergency-1.sqlite"), "journalctl -u knutepunkt-core",
        JOURNAL)
    return Home("start", hub, "journalLost", trouble, away, back, listed=LISTED, told=20)


def live_through(home: Home, receiver):
    hub, trouble = home.hub, home.trouble
    wait_for(lambda: problems(hub) == [], 2 * LINKED, f"{home.name}: everything is there")
    is_green_on_every_screen(hub, home.name)
    home.away()
    wait_for(lambda: standing(hub) == [trouble.problem], home.listed, f"{home.name}: status lists it")
    is_told_on_every_screen(hub, trouble, home.name)
    wait_heard(receiver, home.rule, name=home.name, seconds=home.told)
    # Receivers hear of it before it is stored.
    hub.alert(home.rule, state="notified")
    home.back()
    wait_heard(receiver, home.rule, "cleared", name=home.name, seconds=home.over)
    wait_for(lambda: problems(hub) == [], PULSE, f"{home.name}: nothing is wrong")
    is_green_on_every_screen(hub, home.name)
    hub.alert(home.rule, state="cleared")
    assert [(alert["rule"], alert["state"]) for alert in hub.all_alerts()] == [(home.rule, "cleared")], f"{home.name}: one alert"
    kinds = [event["kind"] for event in heard(receiver, home.name)]
    assert kinds == ["raised", "cleared"], f"{home.name}: one alert to the receiver, which heard {kinds}"


@pytest.mark.patient
@pytest.mark.timeout(600)  # The bounds of the home that takes longest, added up, and what the screens take beside them; some 120 s in truth.
def test_whatever_is_taken_away_is_told_once_and_taken_back(
    parts, receiver, folder, bluez, bluetooth_hub, wrong_clock, request,  # noqa: F811
):
    homes = [
        centre_home(parts, folder), flapping_home(parts), broker_home(parts), bond_home(parts, receiver, bluez, bluetooth_hub),
        clock_home(parts, folder, wrong_clock), journal_home(parts), start_home(parts),
    ]
    request.node.hubs = [home.hub for home in homes]
    with ThreadPoolExecutor(len(homes)) as side_by_side:
        lives = [side_by_side.submit(live_through, home, receiver) for home in homes]
    faults = [fault for fault in (life.exception() for life in lives) if fault]
    if faults:
        raise ExceptionGroup("homes", faults)
