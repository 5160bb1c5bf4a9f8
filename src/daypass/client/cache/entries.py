"""What is kept of a session."""

import json
from dataclasses import asdict, dataclass

from daypass.sigv4 import Credentials


@dataclass(frozen=True, slots=True)
class Label:
    """How people know a session. kind: "role", "mfa", "web-identity", "saml", "sso".
    name: the role's ARN, or what else there is."""

    kind: str
    name: str
    profile: str = ""
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A session that was issued. issued: Unix seconds. arn, unique_id: of a role session."""

    credentials: Credentials
    issued: float
    label: Label
    arn: str = ""
    unique_id: str = ""

    def left(self, now: float) -> float:
        """Seconds until it ends; infinite if it does not."""
        until = self.credentials.expiration
        return float("inf") if until is None else until - now

    @property
    def lifetime(self) -> float:
        """Seconds from its issue to its end."""
        return self.left(self.issued)

    def to_json(self) -> bytes:
        made = self.credentials
        return json.dumps(
            {
                "AccessKeyId": made.access_key_id,
                "SecretAccessKey": made.secret_access_key,
                "SessionToken": made.session_token,
                "Expiration": made.expiration,
                "Issued": self.issued,
                "Arn": self.arn,
                "UniqueId": self.unique_id,
                "Label": asdict(self.label),
            }
        ).encode()


def entry_of_json(content: bytes) -> Entry:
    """Raises ValueError, KeyError or TypeError for what `Entry.to_json` did not write."""
    members = json.loads(content)
    credentials = Credentials(
        members["AccessKeyId"],
        members["SecretAccessKey"],
        members["SessionToken"],
        members["Expiration"],
    )
    return Entry(
        credentials,
        members["Issued"],
        Label(**members["Label"]),
        members["Arn"],
        members["UniqueId"],
    )
