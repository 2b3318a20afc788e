"""An alarm button that stays connected and notifies each press (FFE1 of FFE0), as cheap key finders do.

It can be made to beep (Immediate Alert, 2A06), so that an installer sees which one it is.
"""

from __future__ import annotations

from bumble.gatt import Service

from .peripheral import COMMAND, NOTIFY, READ, Peripheral

BUTTON_SERVICE, PRESS = "FFE0", "FFE1"
ALERT_SERVICE, ALERT_LEVEL = "1802", "2A06"


class GattButton(Peripheral):
    kind = "gatt-button"
    model = "iTAG"
    advertised = (0xFFE0,)

    def __init__(self, *arguments, bonded: bool = False, **options):
        super().__init__(*arguments, bonded=bonded, **options)
        self.beeps: list[int] = []
        self.unheard = 0

    def services(self):
        self.press = self.own(PRESS, READ | NOTIFY, b"\x00")
        alert = self.own(ALERT_LEVEL, COMMAND, write=lambda connection, value: self.beeps.append(value[0] if value else 0))
        return [Service(BUTTON_SERVICE, [self.press]), Service(ALERT_SERVICE, [alert])]

    def status(self):
        return {**super().status(), "beeps": self.beeps, "unheard": self.unheard}

    async def do_press(self):
        if self.may_send(self.press):
            await self.notify(self.press, b"\x01")
        else:
            self.unheard += 1
