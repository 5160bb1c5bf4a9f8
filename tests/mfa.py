"""A user with a virtual MFA device, and the authenticator app that holds its seed."""

from dataclasses import dataclass, field
from typing import Any

import pyotp


@dataclass
class Device:
    """serial: the device's ARN. `code` gives a code of the app at a moment, Unix seconds."""

    serial: str
    app: pyotp.TOTP = field(repr=False)

    def code(self, moment: float) -> str:
        return self.app.at(int(moment))

    def given(self, moment: float) -> dict[str, str]:
        """The members of a request with the code of this moment."""
        return {"SerialNumber": self.serial, "TokenCode": self.code(moment)}


def new_device(iam: Any, name: str, **further: Any) -> Device:
    """Make a device that is no user's yet."""
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, **further)["VirtualMFADevice"]
    return Device(made["SerialNumber"], pyotp.TOTP(made["Base32StringSeed"].decode()))


def enabled_device(iam: Any, user: str, now: float, name: str = "") -> Device:
    """Make a device and enable it for a user, with the codes of the last minute."""
    device = new_device(iam, name or user)
    iam.enable_mfa_device(
        UserName=user,
        SerialNumber=device.serial,
        AuthenticationCode1=device.code(now - 60),
        AuthenticationCode2=device.code(now - 30),
    )
    return device
