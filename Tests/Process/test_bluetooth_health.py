"""Bluetooth that hears nobody, for whatever reason, is told on every screen and to the receivers, as one alert, and taken back.

Every reason has a home of its own, with a bus, a bluetoothd and a hub; all homes live through the same minutes side by side.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Callable

import pytest

from bluetooth_support import BluetoothHub, bluetooth_hub, bus, deliver, probe, wait_for  # noqa: F401
from fake_bluez import BluezError, FakeBluez, PrivateBus
from screens import Trouble, is_green_on_every_screen, is_told_on_every_screen, problems, standing
from support import LINKED, LISTED, OVER, PULSE, TOLD, escalation, heard, wait_heard, webhook

# ServiceWatch: a bluetoothd that hangs is asked 20 s after its last answer at the latest, and has 10 s to answer.
SILENT = 30


@dataclass
class Reason:
    """Why nobody is heard. `sayings`: what status says is wrong, and what to do."""

    name: str
    breaks: Callable[["Home"], None]
    sayings: tuple[str, str]
    # None: it stays.
    mends: Callable[["Home"], None] | None = None
    # False: that it works again is seen, and the minute until it is taken back is not waited for.
    until_over: bool = True
    # Until the hub can know.
    seconds: int = 0
    before_start: bool = False
    # Of links.bluetooth.
    keys: tuple = ()


@dataclass
class Home:
    reason: Reason
    bus: PrivateBus
    bluez: FakeBluez
    hub: BluetoothHub
    probe: object = None

    @property
    def name(self) -> str:
        return self.reason.name

    @property
    def trouble(self) -> Trouble:
        wrong, step = self.reason.sayings
        board = "Bluetooth er nede: utstyr i hjemmet kan ikke høres. Følg nødrutinen."
        hangs = "bluetoothd runs, but does not answer within 5 s: it hangs" if self.name.startswith("hung") else ""
        return Trouble("bluetoothDown", "Bluetooth down for ", (wrong, step, "knutepunkt doctor"), step, board, own_look=hangs)


def flap(home: Home):
    """Five falls are told however short each is. Each is seen before it is over, and each return too."""
    for _ in range(4):
        home.bluez.vanish()
        wait_for(lambda: not home.hub.status()["ready"], LISTED, "the fall is seen")
        home.bluez.appear()
        wait_for(lambda: home.hub.status()["ready"], LINKED, "and the return")
    home.bluez.vanish()


def come_back(home: Home):
    """One more fall while it settles belongs to the same trouble."""
    home.bluez.appear()
    wait_for(lambda: home.hub.http("/readyz")[0] == 200, LINKED, "it is back")
    home.bluez.vanish()
    wait_for(lambda: home.hub.http("/readyz")[0] == 503, LISTED, "it is gone again")
    home.bluez.appear()


def block(home: Home):
    """rfkill, or somebody who switches it off and keeps it so."""
    home.bluez.fault("Properties.Set", BluezError("org.bluez.Error.Blocked", "Blocked through rfkill"), home.bluez.adapter_path, times=None)
    home.bluez.set_power(False)


def stall(home: Home):
    home.bluez.stall_scan("never")
    home.probe.drop()


def thaw(home: Home):
    home.bluez.thaw()
    home.probe.advertise()


def refuse(member: str):
    return lambda home: home.bluez.fault(member, BluezError("Failed"), times=None)


RESTART = "systemctl restart bluetooth"
REASONS = [
    Reason("gone", lambda home: home.bluez.vanish(), ("(bluetoothd) does not run", "systemctl start bluetooth"),
           come_back),
    Reason("unplugged", lambda home: home.bluez.remove_adapter(), ("no Bluetooth adapter", "put the adapter in"),
           lambda home: home.bluez.return_adapter("hci0", powered=False)),
    Reason("blocked", block, ("adapter", "rfkill unblock bluetooth"), lambda home: home.bluez.heal()),
    Reason("stalled", stall, ("hears nothing from anybody", "take the adapter out"),
           lambda home: home.bluez.on_loop(lambda: setattr(home.bluez, "stall_cure", None)), seconds=15, keys=(("scanWatchdog", "1s"),)),
    Reason("hung", lambda home: home.bluez.freeze(), ("does not answer", RESTART), thaw, until_over=False, seconds=SILENT),
    Reason("hung at the start", lambda home: home.bluez.freeze(), ("does not answer", RESTART), thaw, seconds=10, before_start=True),
    Reason("no agent", refuse("AgentManager1.RegisterAgent"), ("does not answer", RESTART), before_start=True),
    Reason("no scan", refuse("Adapter1.StartDiscovery"), ("refuses to look", RESTART), seconds=15, before_start=True),
    # Last, because it takes its time to break.
    Reason("flapping", flap, ("(bluetoothd) does not run", "systemctl start bluetooth"), lambda home: home.bluez.appear()),
]


@pytest.fixture
def homes(folder, receiver, bluetooth_hub):  # noqa: F811
    """One home for each reason, well unless the reason comes before the start."""
    homes = []
    with ExitStack() as parts:
        for number, reason in enumerate(REASONS):
            private = PrivateBus(folder / f"bus{number}").start()
            parts.callback(private.stop)
            fake = FakeBluez(private).start()
            parts.callback(fake.stop)
            hub = bluetooth_hub(
                start=False, name=f"hub{number}", on=private, destinations=[webhook(receiver, f"nurses{number}")], **dict(reason.keys))
            hub.configuration["escalation"] = escalation(f"nurses{number}", high=("1h",))
            hub.write_configuration()
            home = Home(reason, private, fake, hub)
            if reason.before_start:
                reason.breaks(home)
            homes.append(home)
        # Together, and only now: each that is made writes the tests' profiles anew.
        for home in homes:
            home.hub.start(wait=False)
        for number, home in enumerate(homes):
            home.hub.wait_ready()
            home.probe = home.bluez.add(probe("held", number + 1))
            home.hub.register("test/held", home.probe)
            if not home.reason.before_start:
                home.probe.advertise()
                deliver(home.hub, home.probe, "36.600")
                wait_for(lambda: problems(home.hub) == [] and home.hub.http("/readyz")[0] == 200, LISTED, f"{home.name} is well")
        yield homes
    assert [home.bluez.errors for home in homes] == [[]] * len(homes)


def receiver_of(home: Home) -> str:
    return home.hub.configuration["destinations"][0]["name"]


def hub_alerts(home: Home) -> list[tuple[str, str]]:
    return [(alert["rule"], alert["state"]) for alert in home.hub.all_alerts() if alert["rule"] != "signalLoss"]


@pytest.mark.patient
@pytest.mark.timeout(900)  # Each bound for each home at most; some 110 s in truth.
def test_whatever_makes_bluetooth_deaf_is_told_and_taken_back(homes, receiver):
    for home in homes:
        if not home.reason.before_start:
            home.reason.breaks(home)
    # What is known soonest is looked at first. A bluetoothd that hangs is known when the others are told.
    homes.sort(key=lambda home: home.reason.seconds)
    for some in ([h for h in homes if h.reason.seconds < SILENT], [h for h in homes if h.reason.seconds >= SILENT]):
        for home in some:
            wait_for(lambda: standing(home.hub) == ["bluetoothDown"], home.reason.seconds + LISTED, f"{home.name}: status lists it")
            is_told_on_every_screen(home.hub, home.trouble, home.name)
        for home in some:
            wait_heard(receiver, "bluetoothDown", name=receiver_of(home), seconds=TOLD)
            # Receivers hear of it before it is stored.
            home.hub.alert("bluetoothDown", state="notified")
            if home.reason.mends:
                home.reason.mends(home)
    mended = [home for home in homes if home.reason.mends]
    for home in mended:
        wait_for(lambda: home.hub.http("/readyz")[0] == 200, LINKED, f"{home.name}: ready again")
        # For the minute in which it settles; this home may have been back for that long when its turn comes.
        said = home.hub.command("status", check=False)
        assert "back now" in said.stdout or said.returncode == 0, (home.name, said.stdout)
        deliver(home.hub, home.probe, "36.700")
    over = [home for home in mended if home.reason.until_over]
    for home in over:
        wait_heard(receiver, "bluetoothDown", "cleared", name=receiver_of(home), seconds=OVER)
        wait_for(lambda: home.hub.command("status", check=False).returncode == 0, PULSE, f"{home.name}: status has nothing to say")
        home.hub.alert("bluetoothDown", state="cleared")
        assert hub_alerts(home) == [("bluetoothDown", "cleared")], f"{home.name}: one alert"
        is_green_on_every_screen(home.hub, home.name)
    for home in homes:
        kinds = [event["kind"] for event in heard(receiver, receiver_of(home), "bluetoothDown")]
        assert kinds in ([["raised", "cleared"]] if home in over else [["raised"], ["raised", "cleared"]]), home.name
