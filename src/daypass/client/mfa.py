"""Codes of MFA devices: as given, from a command, or typed at the terminal."""

import re
from collections.abc import Callable
from typing import Final

from daypass.client.errors import CredentialsUnavailableError, MfaCodeNeededError

_CODE: Final = re.compile(r"[0-9]{6}")


def ask_at_terminal(serial: str) -> str | None:
    """What is typed there, None if there is no terminal."""
    from daypass.client.terminal import NoTerminalError, ask  # noqa: PLC0415 - seldom needed

    try:
        return ask(f"MFA code of {serial}: ")
    except NoTerminalError:
        return None


class MfaCodes:
    """given: a code, good for one use. process: a command that prints one; a profile's own
    `mfa_process` is tried if there is none. ask: called with the device's serial number."""

    def __init__(
        self,
        given: str | None = None,
        process: str | None = None,
        ask: Callable[[str], str | None] = ask_at_terminal,
    ) -> None:
        self._given = given
        self._process = process
        self._ask = ask

    def stop_asking(self) -> None:
        """From now on nobody is asked: what runs on in the background does not interrupt."""
        self._ask = lambda _serial: None

    def code(self, serial: str, process: str | None = None) -> str:
        """Six digits. Raises `MfaCodeNeededError`, `CredentialsUnavailableError`."""
        given, self._given = self._given, None
        if given:
            return _checked(given, "what was given")
        command = self._process or process
        if command:
            return _checked(_printed_by(command), "what the command printed")
        typed = self._ask(serial)
        if typed is None:
            raise MfaCodeNeededError(
                f"A code of the MFA device {serial} is needed.",
                "There is no terminal to ask for it.",
                "Pass --mfa-code, or set mfa_process in the profile to a command that prints one.",
            )
        return _checked(typed, "what was typed")


def _checked(text: str, where: str) -> str:
    if not _CODE.fullmatch(text):
        raise CredentialsUnavailableError(
            "That is no MFA code.", f"It has six digits, and {where} has not.", "Try again."
        )
    return text


def _printed_by(command: str) -> str:
    from daypass.client.processes import run  # noqa: PLC0415 - seldom needed

    return run(command, "The MFA code was not got.").strip()
