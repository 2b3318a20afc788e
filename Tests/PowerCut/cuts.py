"""Power cuts: a hub on a disk that loses what was not flushed, again and again, and the ledger must come out even.

    /usr/bin/python3 Tests/PowerCut/cuts.py --cuts 100 --seed 7

The hub runs under a kernel of its own (User-Mode Linux, that of the Bluetooth lab: Tests/BluetoothLab/prepare.sh) on ext4 on a disk whose
writes and flushes are logged. At a moment that the seed chooses everything is killed; compose.py makes what such a disk may hold then;
and the kernel boots anew from that. After each boot, before the hub touches it, the journal is compared with the ledger, which is kept
out here: what was acknowledged is there, nothing twice, what was resolved is resolved. At the end everything is delivered and reconciled.
Ends with 1 when anything is not right; then the image before the cut, the log and the journal are kept. With --lying the disk breaks its
contract, and the run must end with 1.
"""

from __future__ import annotations

import argparse
from collections import Counter
import json
import os
from pathlib import Path
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "Deploy/soak"), str(ROOT / "Deploy/demo")]

from compose import Log, after_the_cut, apply  # noqa: E402
from gateway import default_binary  # noqa: E402
import ledger as books  # noqa: E402
from sink import Sink  # noqa: E402
from world import build_shim  # noqa: E402

IMAGE_BYTES = 96 << 20
BOOT_SECONDS = 120  # Until the hub is up, on a busy machine.


class Cut(Exception):
    pass


class Disk:
    """The image as the medium has it, and what is written to it while the power is on."""

    def __init__(self, folder: Path, forgets: int = 0):
        self.forgets = forgets
        self.medium, self.running, self.log = folder / "medium.img", folder / "running.img", folder / "writes.log"
        with self.medium.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        mkfs = shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not mkfs:
            raise FileNotFoundError("mkfs.ext4 is not installed (Debian: e2fsprogs)")
        subprocess.run([mkfs, "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self.medium)], check=True)
        self.library = folder / "write_log.so"
        build_shim(HERE / "write_log.c", self.library)

    def power_on(self):
        subprocess.run(["cp", "--sparse=always", str(self.medium), str(self.running)], check=True)
        self.log.unlink(missing_ok=True)

    def power_off(self, chance: random.Random | None) -> tuple[str, Log]:
        """With chance: a cut. Without: everything was written."""
        log = Log.read(self.log, self.forgets if chance else 0)
        writes, words = after_the_cut(log, chance) if chance else (log.writes, "a clean end")
        apply(self.medium, writes)
        return words, log


class Machine:
    """The kernel, from power on to power off. `heard` gets each line that begins with @@."""

    def __init__(self, kernel: str, folder: Path, disk: Disk, heard):
        self.folder, self.disk, self.heard = folder, disk, heard
        self.buffer, self.console = b"", []
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TMPDIR": os.environ.get("LAB_TMPDIR", "/dev/shm"),
            "LD_PRELOAD": str(disk.library), "WRITE_LOG_IMAGE": str(disk.running), "WRITE_LOG": str(disk.log),
            "WRITE_LOG_FLUSH_MS": "30",
        }
        self.process = subprocess.Popen(
            [kernel, "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet", "con=null", "con0=null,fd:1", "ssl=null",
             f"ubd0={disk.running}", f"uml_dir={folder}/", f"init={HERE / 'init.sh'}", f"POWER_RESULTS={folder / 'results'}",
             f"POWER_FOLDER={HERE}", f"POWER_BINARY={default_binary()}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)

    def read(self) -> bool:
        """False: the machine is off."""
        try:
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            time.sleep(0.003)
            return True
        self.buffer += piece
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").strip("\r")
            if text.startswith("@@ "):
                self.heard(text[3], text[5:])
            else:
                self.console = (self.console + [text])[-30:]
        return bool(piece)

    def cut(self):
        """Everything of it, at once; then what was said before."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        while self.read():
            pass


class Run:
    def __init__(self, folder: Path, seed: int, kernel: str, say=print, forgets: int = 0):
        self.folder, self.seed, self.kernel, self.say = folder, seed, kernel, say
        (folder / "results").mkdir(parents=True, exist_ok=True)
        self.disk = Disk(folder, forgets)
        self.chance = random.Random(seed)
        self.ledger, self.centre = books.Ledger(), Sink("")
        self.open: dict[int, tuple] = {}
        self.last, self.number = 0, 0
        self.marks: list[str] = []
        self.wrong: list[str] = []
        self.figures: Counter = Counter()
        self.is_first = True
        self.end: dict | None = None

    # -- what the guest says

    def heard(self, letter: str, rest: str):
        if letter == "P":
            number, _, text = rest.partition(" ")
            key, topic, payload = json.loads(text)
            key = tuple(key)
            self.open[int(number)] = (key, topic, payload)
            self.last = int(number)
            self.ledger.gives(key)
            self.ledger.took(key)
            if key[0] == "value":
                self.number += 1
        elif letter == "A":
            key, _, _ = self.open.pop(int(rest))
            self.ledger.acknowledged[key] += 1
        elif letter == "W":
            value = json.loads(rest)
            self.centre.change(value["id"], value["body"])
        elif letter == "R":
            self.ledger.resolved.add(rest)
        elif letter == "L":
            self.end = json.loads(rest)
        elif letter == "F":
            self.wrong.append(rest)
        elif letter == "C":
            self.compare()
        self.marks.append(letter)

    def compare(self):
        """The journal as the disk has it, before the hub has opened it, beside what was acknowledged."""
        file = self.folder / "results/journal.sqlite"
        if not file.exists():
            if self.ledger.acknowledged:
                self.wrong.append("the journal is gone")
            return
        # In a folder of its own: SQLite makes the index of the log anew, as after any crash.
        copy = Path(tempfile.mkdtemp(dir=self.folder, prefix="look."))
        try:
            for part in file.parent.glob("journal.sqlite*"):
                shutil.copyfile(part, copy / part.name)
            account = books.Account()
            self.ledger.broker_forgot = True  # What is not acknowledged yet need not be there.
            try:
                journal = books.Journal(copy / file.name, may_write=True)
                books.stored(account, self.ledger, journal)
                books.presses(account, self.ledger, journal, 0, is_whole=False)
                books.standing(account, self.ledger, journal)
                account.count("journal damaged", int(journal.integrity != "ok"), journal.integrity)
            except Exception as error:  # noqa: BLE001  (whatever SQLite says is the finding)
                account.faults.append(f"the journal cannot be read: {error}")
            self.ledger.broker_forgot = False
            self.wrong += account.faults
            self.figures["looks"] += 1
        finally:
            shutil.rmtree(copy)

    # -- one time power on

    def once(self, is_last: bool = False):
        self.disk.power_on()
        self.marks.clear()
        for part in (self.folder / "results").glob("journal.sqlite*"):
            part.unlink()
        (self.folder / "results/settings.json").write_text(json.dumps({
            "open": [[n, topic, payload] for n, (_, topic, payload) in self.open.items()], "last": self.last, "number": self.number,
            "seed": self.chance.randrange(1 << 30), "first": self.is_first, "last_of_all": is_last,
        }))
        self.ledger.repeats += len(self.open)
        machine = Machine(self.kernel, self.folder, self.disk, self.heard)
        # A quarter of the cuts meet the start, the others traffic; not the first, or there would be no people.
        mark = "C" if not self.is_first and self.chance.random() < 0.25 else "U"
        after = self.chance.choice([self.chance.uniform(0, 0.4), self.chance.uniform(0.1, 2.5)])
        began, due = time.monotonic(), None
        try:
            while True:
                alive = machine.read()
                now = time.monotonic()
                if due is None and mark in self.marks:
                    due = now + after
                if self.wrong or not is_last and due is not None and now >= due:
                    break
                if not alive:
                    if not is_last:
                        self.wrong.append(f"the machine went off by itself: {machine.console[-5:]}")
                    break
                if now - began > BOOT_SECONDS + (240 if is_last else 0):
                    self.wrong.append(f"not up within {BOOT_SECONDS} s: {machine.console[-5:]}")
                    break
        finally:
            if machine.process.poll() is None:
                machine.cut()
        if self.wrong:
            return
        words, log = self.disk.power_off(None if is_last else self.chance)
        self.is_first = False
        if not log.flushes:
            self.wrong.append("the disk heard of no flush: this kernel's block device drops them (Tests/BluetoothLab/kernel.patch mends it)")
        self.figures["writes"] += len(log.writes)
        self.figures["flushes"] += log.flushes
        if not is_last:
            self.figures["cuts"] += 1
            self.figures["cuts with unflushed writes"] += len(log.writes) > log.durable
            self.figures["cuts while it started"] += mark == "C"
        return words

    def go(self, cuts: int) -> dict:
        began = time.monotonic()
        for number in range(1, cuts + 1):
            words = self.once()
            if self.wrong:
                break
            if number % 10 == 0 or number == cuts:
                self.say(f"{number} cuts, {self.ledger.sent} messages, {self.ledger.acknowledged.total()} acknowledged, the last: {words} "
                         f"({time.monotonic() - began:.0f} s)")
        if not self.wrong:
            self.once(is_last=True)
            self.finish()
        return {
            "seed": self.seed, "seconds": round(time.monotonic() - began), "figures": dict(self.figures), "wrong": self.wrong,
        }

    def finish(self):
        if not self.end:
            self.wrong.append("the last run did not come to its end")
            return
        journal = books.Journal(self.folder / "results/journal.sqlite", may_write=True)
        account = books.reconcile(self.ledger, journal, self.centre, 0, self.end["audit"], has_hospital=False)
        if self.end["status"] != 0:
            account.faults.append(f"the hub ended with {self.end['status']}")
        self.wrong += account.faults
        self.figures.update(account.figures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--lying", type=int, default=0, metavar="N", help="a disk that did not do the last N flushes: this must be found")
    parser.add_argument("--folder", type=Path, help="kept; otherwise one that is removed when all is right")
    arguments = parser.parse_args()
    prepared = subprocess.run([str(ROOT / "Tests/BluetoothLab/prepare.sh"), "--env"], capture_output=True, text=True, check=True).stdout
    kernel = next(line.partition("=")[2].strip("'\"") for line in prepared.splitlines() if line.startswith("KERNEL="))
    kernel = os.environ.get("LAB_KERNEL", kernel)
    if not Path(kernel).exists():
        print(f"no kernel at {kernel}: Tests/BluetoothLab/prepare.sh", file=sys.stderr)
        return 69
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="kp-cuts."))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {arguments.seed}, {arguments.cuts} cuts, in {folder}", flush=True)
    result = Run(folder, arguments.seed, kernel, lambda *words: print(*words, flush=True), arguments.lying).go(arguments.cuts)
    print(json.dumps(result, indent=1))
    if result["wrong"]:
        print(f"NOT RIGHT; again: Tests/PowerCut/cuts.py --cuts {arguments.cuts} --seed {arguments.seed}")
    else:
        print("nothing lost, doubled, risen again or given twice")
        if not arguments.folder:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
