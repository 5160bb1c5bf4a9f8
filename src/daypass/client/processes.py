"""Commands that a configuration names, run as the AWS SDK for Python runs them: without a shell."""

import os
import shlex
from typing import Final

from daypass.client.checking import printable
from daypass.client.errors import CredentialsUnavailableError

# The profiles whose processes are running, for one that asks Daypass in its turn to notice.
PROFILE_CHAIN: Final = "_DAYPASS_PROFILE_CHAIN"


def run(command: str, what: str, profile: str = "") -> str:
    """What the command prints. what: what has failed if it does. profile: whose process it is.
    stdin is the caller's.

    Raises `CredentialsUnavailableError`, with what the command says on stderr.
    """
    import subprocess  # noqa: PLC0415 - 10 ms for who runs nothing

    chain = ",".join(filter(None, (os.environ.get(PROFILE_CHAIN), profile)))
    environment = {**os.environ, PROFILE_CHAIN: chain} if profile else None
    try:
        ended = subprocess.run(  # noqa: S603 - the user's own command
            words(command), capture_output=True, check=False, env=environment
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise CredentialsUnavailableError(
            what, f"`{_name(command)}` cannot be run: {why}.", "It is run without a shell."
        ) from error
    if ended.returncode != 0:
        said = printable(" ".join(ended.stderr.decode(errors="replace").split()))
        why = f"`{_name(command)}` ended with {ended.returncode}"
        raise CredentialsUnavailableError(what, f"{why}: {said}" if said else f"{why}.")
    return ended.stdout.decode(errors="replace")


def words(command: str) -> list[str]:
    """The words of a command line, by the rules of the platform. Raises ValueError."""
    return _windows_words(command) if os.name == "nt" else shlex.split(command)


def _name(command: str) -> str:
    """The command without its arguments, which may hold secrets."""
    return command.split(maxsplit=1)[0] if command.strip() else command


def _windows_words(command: str) -> list[str]:
    """Microsoft C runtime: "Parsing C command-line arguments": backslashes are plain, but before
    a quotation mark: two stand for one, and an odd one makes the mark plain."""
    found: list[str] = []
    word: list[str] = []
    quoted = started = False
    backslashes = 0
    for letter in command:
        if letter == "\\":
            backslashes += 1
            continue
        if letter == '"':
            word.append("\\" * (backslashes // 2))
            if backslashes % 2:
                word.append('"')
            else:
                quoted = not quoted
                started = True
        else:
            word.append("\\" * backslashes)
            if letter in " \t" and not quoted:
                if started or "".join(word):
                    found.append("".join(word))
                word, started = [], False
            else:
                word.append(letter)
        backslashes = 0
    if quoted:
        raise ValueError("a quotation mark is never closed")
    word.append("\\" * backslashes)
    if started or "".join(word):
        found.append("".join(word))
    return found
