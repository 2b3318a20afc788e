"""Records the lab kernel's whole Bluetooth traffic, HCI and management, as a btsnoop file.

    trace.py FILE        read it with Wireshark; btmon 5.66 crashes on GATT, which is why this is not btmon

Needs Debian's Python, which knows AF_BLUETOOTH.
"""

import ctypes
import os
import socket
import struct
import sys
import time

HCI_DEV_NONE = 0xFFFF
HCI_CHANNEL_MONITOR = 2
# btsnoop's data link type for "monitor" records: adapter index and opcode stand in the flags field.
DATALINK_MONITOR = 2001
# Microseconds from btsnoop's epoch, midnight of 1 January of the year 0, to that of Unix.
UNIX_EPOCH = 0x00DCDDB30F2F8000


def monitor() -> socket.socket:
    # Python's bind() cannot name an HCI channel, so the address is packed by hand: family, device, channel.
    channel = socket.socket(socket.AF_BLUETOOTH, socket.SOCK_RAW, socket.BTPROTO_HCI)
    address = struct.pack("<HHH", socket.AF_BLUETOOTH, HCI_DEV_NONE, HCI_CHANNEL_MONITOR)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(channel.fileno(), address, len(address)) != 0:
        sys.exit(f"trace: {os.strerror(ctypes.get_errno())}")
    return channel


def main(file: str):
    channel = monitor()
    with open(file, "wb", buffering=0) as trace:
        trace.write(struct.pack(">8sII", b"btsnoop\0", 1, DATALINK_MONITOR))
        while True:
            packet = channel.recv(65536)
            opcode, adapter, length = struct.unpack_from("<HHH", packet)
            body = packet[6 : 6 + length]
            stamp = UNIX_EPOCH + time.time_ns() // 1000
            trace.write(struct.pack(">IIIIQ", len(body), len(body), adapter << 16 | opcode, 0, stamp) + body)


if __name__ == "__main__":
    main(sys.argv[1])
