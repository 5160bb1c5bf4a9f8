"""`credential_process`: a command that prints credentials.

Source: AWS SDKs and Tools reference guide, "Process credential provider".
"""

import json

from daypass.client.checking import made_credentials
from daypass.client.errors import CredentialsUnavailableError
from daypass.client.processes import run
from daypass.client.times import seconds_of_iso
from daypass.sigv4 import Credentials


class Process:
    """Runs the command at each call; put it in `Cached`. Nothing of its stdout is in an error.
    profile: whose process it is."""

    def __init__(self, command: str, profile: str = "") -> None:
        self._command = command
        self._profile = profile
        self._what = f"Getting credentials from the process of {profile or 'a profile'} failed."

    def credentials(self) -> Credentials:
        try:
            answer = json.loads(run(self._command, self._what, self._profile))
        except ValueError:
            raise self._wrong("It printed something else than JSON.") from None
        if not isinstance(answer, dict):
            raise self._wrong("It printed JSON that is no object.")
        version = answer.get("Version")
        if version != 1 or isinstance(version, bool):
            raise self._wrong(f"Its Version is {version!r}, and only the number 1 is known.")
        key, secret = answer.get("AccessKeyId"), answer.get("SecretAccessKey")
        token, expiration = answer.get("SessionToken"), answer.get("Expiration")
        if not isinstance(key, str) or not isinstance(secret, str) or not key or not secret:
            raise self._wrong("AccessKeyId or SecretAccessKey is missing.")
        seconds = seconds_of_iso(expiration) if isinstance(expiration, str) else None
        if expiration is not None and seconds is None:
            raise self._wrong("Its Expiration is no ISO 8601 time.")
        session_token = token if isinstance(token, str) and token else None
        return made_credentials(self._what, key, secret, session_token, seconds)

    def _wrong(self, why: str) -> CredentialsUnavailableError:
        return CredentialsUnavailableError(self._what, why, "Run it, and look at what it prints.")
