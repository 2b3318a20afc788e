"""The adapter goes away in four ways: switched off by a program, by the radio switch, pulled out, and reset under load."""

from pathlib import Path

from .world import World, expect

LAB = "-t 900 -k time-travel"
RECOVERY_SECONDS = 60


def radio_switch(blocked: bool):
    """What a laptop's flight-mode key does."""
    for entry in Path("/sys/class/rfkill").iterdir():
        if (entry / "type").read_text().strip() == "bluetooth":
            (entry / "soft").write_text("1" if blocked else "0")


def run():
    with World("adapter_cycle") as world:
        oximeter = world.device("oximeter", "Oximeter", "C0:FF:EE:00:18:22", every=0.5)
        world.start()
        identity = world.pair(oximeter, world.person())["device"]
        world.wait_value("pulse", 68, 20)

        def off_by_program():
            world.set_power(False)

        def nothing():
            """The hub itself switches on what a program has switched off."""

        ways = [
            ("switched off by a program", off_by_program, nothing),
            ("the radio switch", lambda: (radio_switch(True), world.home.home("cut")), lambda: radio_switch(False)),
            ("pulled out", lambda: world.home.home("unplug"), lambda: world.home.home("plug")),
        ]
        for turn, (what, away, back) in enumerate(ways):
            away()
            world.until(f"{what}: the link ends", lambda: not oximeter.status["connected"], 30)
            if back is not nothing:
                world.until(f"{what}: the hub says so", lambda: not world.bluetooth_status()["available"], 30)
            pulse = 91 + turn
            oximeter.tell("value", pulse=pulse)
            with world.timed(f"{what}, to delivered", RECOVERY_SECONDS):
                back()
                world.wait_value("pulse", pulse, RECOVERY_SECONDS + 5)
        expect(oximeter.status["pairings"] == 1, "nothing was paired again")
        status = world.bluetooth_status()
        expect(status["available"] and status["adapter"]["powered"], f"the adapter is back: {status['adapter']}")
        expect(not world.hub_device(identity).get("problem"), "no problem is left")
        return world.measured
