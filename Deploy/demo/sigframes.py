"""Bytes as the Bluetooth SIG's devices send them, written by an outsider to the product.

Encoders for the demonstration's street and the process tests, and independent decoders that serve as the tests'
oracle. Sources: the SIG's characteristic layouts (2A5E, 2A5F, 2A35, 2A1C, 2A9D, 2A18, 2A37) and IEEE 11073-20601 for
SFLOAT and FLOAT32. Values are Decimals, so that no binary float touches one. What they do not do: radio, sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
import struct

# -- 11073 floats ---------------------------------------------------------------------------------------------------

SFLOAT_SPECIALS = {0x07FE: "+INF", 0x07FF: "NaN", 0x0800: "NRes", 0x0801: "reserved", 0x0802: "-INF"}
FLOAT_SPECIALS = {0x007FFFFE: "+INF", 0x007FFFFF: "NaN", 0x00800000: "NRes", 0x00800001: "reserved", 0x00800002: "-INF"}


def sfloat(value) -> bytes:
    """16 bits: a signed 12-bit mantissa times ten to a signed 4-bit exponent. A string names a special."""
    if value in SFLOAT_SPECIALS.values():
        return struct.pack("<H", {name: raw for raw, name in SFLOAT_SPECIALS.items()}[value])
    sign, digits, exponent = Decimal(value).as_tuple()
    mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
    while exponent > 0 and -2046 <= mantissa * 10 <= 2045:
        mantissa, exponent = mantissa * 10, exponent - 1
    if not (-2046 <= mantissa <= 2045 and -8 <= exponent <= 7):
        raise ValueError(f"{value} does not fit an SFLOAT")
    return struct.pack("<H", ((exponent & 0xF) << 12) | (mantissa & 0xFFF))


def float32(value, exponent: int = -1) -> bytes:
    """32 bits: a signed 24-bit mantissa times ten to a signed 8-bit exponent."""
    if value in FLOAT_SPECIALS.values():
        return struct.pack("<I", {name: raw for raw, name in FLOAT_SPECIALS.items()}[value])
    mantissa = int((Decimal(value) / (Decimal(10) ** exponent)).to_integral_exact())
    return struct.pack("<I", ((exponent & 0xFF) << 24) | (mantissa & 0xFFFFFF))


def read_sfloat(raw: int):
    if raw in SFLOAT_SPECIALS:
        return SFLOAT_SPECIALS[raw]
    mantissa, exponent = raw & 0xFFF, raw >> 12
    mantissa -= 0x1000 if mantissa >= 0x800 else 0
    exponent -= 0x10 if exponent >= 8 else 0
    return Decimal(mantissa).scaleb(exponent)


def read_float32(raw: int):
    if raw in FLOAT_SPECIALS:
        return FLOAT_SPECIALS[raw]
    mantissa, exponent = raw & 0xFFFFFF, raw >> 24
    mantissa -= 0x1000000 if mantissa >= 0x800000 else 0
    exponent -= 0x100 if exponent >= 0x80 else 0
    return Decimal(mantissa).scaleb(exponent)


# -- encoders -------------------------------------------------------------------------------------------------------


def date_time(moment) -> bytes:
    return struct.pack("<HBBBBB", moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)


def plx_continuous(spo2, pulse, status: int | None = None) -> bytes:
    """2A5F, the normal pair; measurement status when given."""
    flags = 0x04 if status is not None else 0
    tail = struct.pack("<H", status) if status is not None else b""
    return bytes([flags]) + sfloat(spo2) + sfloat(pulse) + tail


def plx_spot_check(spo2, pulse, moment=None, status: int | None = None) -> bytes:
    """2A5E."""
    flags = (0x01 if moment else 0) | (0x02 if status is not None else 0)
    tail = (date_time(moment) if moment else b"") + (struct.pack("<H", status) if status is not None else b"")
    return bytes([flags]) + sfloat(spo2) + sfloat(pulse) + tail


def blood_pressure(systolic, diastolic, mean, pulse=None, moment=None, status: int | None = None, kilopascal=False) -> bytes:
    """2A35."""
    flags = (0x01 if kilopascal else 0) | (0x02 if moment else 0) | (0x04 if pulse is not None else 0)
    flags |= 0x10 if status is not None else 0
    frame = bytes([flags]) + sfloat(systolic) + sfloat(diastolic) + sfloat(mean)
    frame += date_time(moment) if moment else b""
    frame += sfloat(pulse) if pulse is not None else b""
    return frame + (struct.pack("<H", status) if status is not None else b"")


def temperature(celsius, moment=None, place: int | None = None, fahrenheit=False) -> bytes:
    """2A1C."""
    flags = (0x01 if fahrenheit else 0) | (0x02 if moment else 0) | (0x04 if place is not None else 0)
    return bytes([flags]) + float32(celsius) + (date_time(moment) if moment else b"") + (bytes([place]) if place is not None else b"")


# -- decoders: the tests' oracle ------------------------------------------------------------------------------------


class Truncated(Exception):
    """The frame ends before what its flags promise."""


@dataclass
class Reader:
    data: bytes
    at: int = 0

    def take(self, count: int) -> int:
        if self.at + count > len(self.data):
            raise Truncated()
        value = int.from_bytes(self.data[self.at : self.at + count], "little")
        self.at += count
        return value

    def sfloat(self):
        return read_sfloat(self.take(2))

    def float32(self):
        return read_float32(self.take(4))

    def skip_date(self):
        self.take(7)


@dataclass
class Decoded:
    """MDC code → value, numbers only; what a sentinel hides is in `absent`."""

    values: dict = field(default_factory=dict)
    absent: list = field(default_factory=list)
    units: dict = field(default_factory=dict)

    def put(self, mdc: int, value, unit: str):
        if isinstance(value, str):
            self.absent.append(mdc)
        else:
            self.values[mdc] = value
            self.units[mdc] = unit


SPO2, PULSE_OXIMETER, PULSE_CUFF, HEART_RATE = 150456, 149530, 149546, 147842
SYSTOLIC, DIASTOLIC, MEAN, TEMPERATURE, WEIGHT = 150021, 150022, 150023, 150364, 188736


def decode_2a5f(data: bytes) -> Decoded:
    reader, result = Reader(data), Decoded()
    flags = reader.take(1)
    result.put(SPO2, reader.sfloat(), "%")
    result.put(PULSE_OXIMETER, reader.sfloat(), "/min")
    for bit, size in ((0, 4), (1, 4), (2, 2), (3, 3), (4, 2)):
        if flags & (1 << bit):
            reader.take(size)
    return result


def decode_2a5e(data: bytes) -> Decoded:
    reader, result = Reader(data), Decoded()
    flags = reader.take(1)
    result.put(SPO2, reader.sfloat(), "%")
    result.put(PULSE_OXIMETER, reader.sfloat(), "/min")
    for bit, size in ((0, 7), (1, 2), (2, 3), (3, 2)):
        if flags & (1 << bit):
            reader.take(size)
    return result


def decode_2a35(data: bytes) -> Decoded:
    reader, result = Reader(data), Decoded()
    flags = reader.take(1)
    unit = "kPa" if flags & 1 else "mm[Hg]"
    for mdc in (SYSTOLIC, DIASTOLIC, MEAN):
        result.put(mdc, reader.sfloat(), unit)
    if flags & 2:
        reader.skip_date()
    if flags & 4:
        result.put(PULSE_CUFF, reader.sfloat(), "/min")
    if flags & 8:
        reader.take(1)
    if flags & 16:
        reader.take(2)
    return result


def decode_2a1c(data: bytes) -> Decoded:
    reader, result = Reader(data), Decoded()
    flags = reader.take(1)
    result.put(TEMPERATURE, reader.float32(), "[degF]" if flags & 1 else "Cel")
    if flags & 2:
        reader.skip_date()
    if flags & 4:
        reader.take(1)
    return result


def decode_2a37(data: bytes) -> Decoded:
    reader, result = Reader(data), Decoded()
    flags = reader.take(1)
    result.put(HEART_RATE, Decimal(reader.take(2 if flags & 1 else 1)), "/min")
    if flags & 8:
        reader.take(2)
    return result


def decode_2a9d(data: bytes) -> Decoded:
    reader, result = Reader(data), Decoded()
    flags = reader.take(1)
    raw = reader.take(2)
    if flags & 1:
        result.put(WEIGHT, Decimal(raw) * Decimal("0.01"), "[lb_av]")
    else:
        result.put(WEIGHT, Decimal(raw) * Decimal("0.005"), "kg")
    if flags & 2:
        reader.skip_date()
    if flags & 4:
        reader.take(1)
    if flags & 8:
        reader.take(4)
    return result


DECODERS = {"2a5e": decode_2a5e, "2a5f": decode_2a5f, "2a35": decode_2a35, "2a1c": decode_2a1c, "2a37": decode_2a37, "2a9d": decode_2a9d}
