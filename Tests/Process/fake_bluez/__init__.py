"""A fake `org.bluez` on a private, real dbus-daemon: it answers as bluetoothd 5.66 does, and misbehaves on command.

`PrivateBus` is the bus, `FakeBluez` the daemon with one adapter, `Peripheral` a device in the air with a script. What
it does not do: radio, security manager, ATT. The error names and texts are those of BlueZ 5.66 (src/error.c,
src/device.c, src/adapter.c, src/gatt-client.c); traps of that version that are copied here on purpose:

- AcquireNotify answers NotSupported for a characteristic that only indicates;
- Connect on a device that is being connected answers Failed "Operation already in progress";
- an object keeps the path of the address under which it was first seen, though bonding changes its Address;
- links outlive the client that made them, and RSSI is withdrawn when discovery stops.
"""

from .bus import PrivateBus, match_rules, name_of_process  # noqa: F401
from .daemon import FakeBluez  # noqa: F401
from .gatt import Characteristic, Service, uuid  # noqa: F401
from .objects import Answer, BluezError, Never, Later  # noqa: F401
from .peripheral import Link, Peripheral  # noqa: F401
from .records import RecordStore  # noqa: F401
