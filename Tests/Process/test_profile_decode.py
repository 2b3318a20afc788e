"""`knutepunkt profile decode` against independent decoders of the SIG's characteristics, including every truncation."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
import json
import random
import subprocess

import pytest

from support import ROOT, default_binary
import sigframes

PROFILES = {
    "2a5f": "pulse-oximeter", "2a5e": "pulse-oximeter", "2a35": "blood-pressure", "2a1c": "thermometer", "2a37": "heart-rate",
    "2a9d": "weight-scale",
}


def profile_for(uuid: str):
    return ROOT / "DeviceProfiles/sig" / f"{PROFILES[uuid]}.yaml"


def decode(uuid: str, data: bytes):
    words = [default_binary(), "profile", "decode", profile_for(uuid), "--characteristic", uuid, "--hex", data.hex()]
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL)
    return done.returncode, [json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines()], done.stderr


def frames(uuid: str) -> list[bytes]:
    at = datetime(2026, 1, 31, 12, 34, 56)
    return {
        "2a5f": [sigframes.plx_continuous(97, 72), sigframes.plx_continuous(Decimal("96.5"), 61, status=1 << 7),
                 bytes([0x1F]) + b"".join(sigframes.sfloat(n) for n in (97, 72, 96, 73, 95, 74)) + bytes(5) + sigframes.sfloat(3)],
        "2a5e": [sigframes.plx_spot_check(93, 88), sigframes.plx_spot_check(93, 88, at, status=1 << 8)],
        "2a35": [sigframes.blood_pressure(128, 76, 93, 70, at), sigframes.blood_pressure("17.1", "10.1", "12.4", kilopascal=True),
                 sigframes.blood_pressure(128, 76, 93, status=0)],
        "2a1c": [sigframes.temperature("37.2", at, place=1), sigframes.temperature("98.6", fahrenheit=True)],
        "2a37": [bytes([0, 72]), bytes([1, 72, 0]), bytes([0x18, 72, 10, 0, 0, 4])],
        "2a9d": [bytes([0]) + (15000).to_bytes(2, "little"), bytes([1]) + (15400).to_bytes(2, "little")],
    }[uuid]


def values(answers) -> dict:
    return {a["mdc"]: Decimal(str(a["value"])) for a in answers if a.get("mdc") is not None and "invalid" not in str(a.get("quality", ""))}


@pytest.mark.parametrize("uuid", list(PROFILES))
def test_frames_decode_as_the_layout_says(uuid):
    for frame in frames(uuid):
        status, answers, error = decode(uuid, frame)
        assert status == 0, (frame.hex(), error)
        wanted = sigframes.DECODERS[uuid](frame)
        got = values(answers)
        for mdc, value in wanted.values.items():
            assert got.get(mdc) == value, (uuid, frame.hex(), mdc, answers)
        for answer in answers:
            if answer.get("mdc") in wanted.units:
                assert answer["unit"] == wanted.units[answer["mdc"]], answer


@pytest.mark.parametrize("uuid", list(PROFILES))
def test_every_truncation_is_rejected_cleanly(uuid):
    frame = frames(uuid)[0]
    def cut(length):
        try:
            sigframes.DECODERS[uuid](frame[:length])
            return None  # Still whole: what is missing was optional.
        except sigframes.Truncated:
            return length, decode(uuid, frame[:length])
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(cut, range(len(frame))):
            if result:
                length, (status, answers, error) = result
                assert status == 65, (uuid, length, status, answers, error)
                assert answers == [] and error.strip(), (uuid, length)


def test_sentinels_are_no_numbers():
    for special in ("NaN", "NRes", "+INF", "-INF", "reserved"):
        status, answers, _ = decode("2a5f", bytes([0]) + sigframes.sfloat(special) + sigframes.sfloat(72))
        assert sigframes.SPO2 not in values(answers), (special, answers)


def test_demo_and_test_data_say_so():
    for bit in (10, 11):
        status, answers, _ = decode("2a5f", sigframes.plx_continuous(97, 72, status=1 << bit))
        for answer in answers:
            assert {"demo", "test"} & set(answer["quality"]), answer


def test_random_sfloats_agree_with_the_oracle():
    chance = random.Random(11073)
    raws = chance.sample(range(65536), 60) + [0x07FE, 0x07FF, 0x0800, 0x0801, 0x0802, 0xF7FF, 0xF800, 0x0000, 0x8001]
    def one(raw):
        data = bytes([0]) + raw.to_bytes(2, "little") + sigframes.sfloat(72)
        return raw, decode("2a5f", data)
    with ThreadPoolExecutor(2) as pool:
        for raw, (status, answers, error) in pool.map(one, raws):
            wanted = sigframes.read_sfloat(raw)
            got = values(answers).get(sigframes.SPO2)
            # What cannot be a saturation may be marked invalid; a number that is given must be the right one.
            assert got is None or got == wanted, (hex(raw), wanted, answers)
            if not isinstance(wanted, str) and 50 <= wanted <= 100:
                assert got == wanted, (hex(raw), wanted, answers, error)
