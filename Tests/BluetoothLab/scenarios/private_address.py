"""An oximeter with private addresses: paired under one, read under the next, reset and paired anew: one device all along.

Two ways to lose the bond: it forgets its bonds and keeps its keys, so that bluetoothd still knows it by its addresses; and a
reset, after which its addresses are a stranger's until it is paired.
"""

from gateway import CommandFailed

from .world import World, expect, shown

LAB = "-t 900 -k time-travel"
# As in `vanish`: heard again to delivered.
RETURN_SECONDS = 30


def run():
    with World("private_address", {"retryBackoffMax": "5s"}) as world:
        oximeter = world.device("oximeter", "Oximeter", "C0:FF:EE:00:00:4D", private=True, every=0.5)
        world.start()
        patient = world.person()
        seen = [oximeter.status["on_air"]]
        expect(seen[0] != oximeter.address, "it shows a private address")
        identity = world.pair(oximeter, patient, address=seen[0])["device"]
        world.wait_value("pulse", 68, 20)
        one_device(world, identity, oximeter.address)

        longest = 0.0
        for turn in range(4):
            oximeter.tell("rotate")
            seen.append(oximeter.status["on_air"])
            oximeter.tell("value", pulse=71 + turn)
            began = len(world.measured)
            with world.timed(f"rotation {turn + 1}", RETURN_SECONDS):
                world.wait_value("pulse", 71 + turn, RETURN_SECONDS + 5)
            longest = max(longest, float(world.measured.pop(began).split()[-2]))
        expect(len(set(seen)) == 5, f"each address is a new one: {seen}")
        expect(oximeter.status["pairings"] == 1, "nothing was paired again")
        world.measured.append(f"4 rotations, longest {longest:.1f} s to delivered")
        one_device(world, identity, oximeter.address)

        # Neither the hub's bond nor bluetoothd's hides that the device has lost its own.
        oximeter.tell("forget")
        oximeter.tell("rotate")
        with world.timed("a bond lost on the device is told"):
            problem = world.until("the hub names the problem", lambda: world.hub_device(identity).get("problem"), 90)
        expect(problem == "bondLost", f"the problem is {problem!r}")
        oximeter.tell("value", pulse=81)
        # bluetoothd knows the address's owner still, so that this is what an installer's list shows. For a new bond the old one
        # must go, and with it what tells whose the address is: the hub says so, and the device is chosen by what it shows.
        with world.timed("pairing by the identity is given up"):
            try:
                world.pair(oximeter, patient)
                expect(False, "it was found under an address that is not on air")
            except CommandFailed as failure:
                expect(failure.status == 65, f"it says that there is no bond: {failure}")
        again = world.pair(oximeter, patient, address=oximeter.status["on_air"])
        expect(again["device"] == identity, f"the same device, not another: {shown(again)}")
        world.wait_value("pulse", 81, 30)
        one_device(world, identity, oximeter.address)

        oximeter.tell("reset")
        oximeter.tell("value", pulse=82)
        with world.timed("reset, and paired under a stranger's address"):
            again = world.pair(oximeter, patient, address=oximeter.status["on_air"])
        expect(again["device"] == identity, f"the same device, not another: {shown(again)}")
        world.wait_value("pulse", 82, 30)
        one_device(world, identity, oximeter.address)
        # bluetoothd keeps the old object beside the new one of the same identity: the hub removes both and bonds once more.
        bonded = oximeter.status["pairings"]
        expect(3 <= bonded <= 5, f"each asked-for pairing, and at most one more for it: {bonded}")
        oximeter.tell("rotate")
        oximeter.tell("value", pulse=83)
        world.wait_value("pulse", 83, 35)
        expect(oximeter.status["pairings"] == bonded, "nothing was paired again")
        one_device(world, identity, oximeter.address)
        hidden(world, seen[1:])
        return world.measured


def one_device(world: World, identity: str, address: str):
    devices = world.hub.ask("device", "list")
    expect([d["id"] for d in devices] == [identity], f"one device: {shown(devices)}")
    expect(devices[0]["address"] == address, f"known by its identity: {shown(devices)}")
    status = world.hub_device(identity)
    expect(not status.get("problem"), f"no problem: {status}")


def hidden(world: World, addresses: list[str]):
    """A private address that was only passing is in nothing that the hub keeps or writes."""
    for file in [*world.hub.folder.glob("*.log"), *world.hub.state.glob("*")]:
        text = file.read_bytes() if file.is_file() else b""
        for address in addresses:
            expect(address.encode() not in text, f"a private address is in {file.name}")
