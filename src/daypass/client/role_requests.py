"""What is asked for a role, and what comes back."""

from dataclasses import dataclass, field

from daypass.sigv4 import Credentials


@dataclass(frozen=True, slots=True)
class RoleRequest:
    """What is asked of sts:AssumeRole and its two siblings. duration_seconds: 900 to 43200, None
    for an hour. policy: the text of a session policy; policy_arns: managed ones. tags, the keys
    that are transitive, and source_identity: of sts:AssumeRole alone."""

    role_arn: str
    session_name: str = "daypass"
    duration_seconds: int | None = None
    external_id: str | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    transitive_tags: tuple[str, ...] = ()
    source_identity: str | None = None

    def parameters(self) -> dict[str, object]:
        """The members of the operation's input that are set, by their names in AWS's API."""
        members: dict[str, object] = {
            "RoleArn": self.role_arn,
            "RoleSessionName": self.session_name,
            "DurationSeconds": self.duration_seconds,
            "ExternalId": self.external_id,
            "Policy": self.policy,
            "PolicyArns": [{"arn": arn} for arn in self.policy_arns],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags],
            "TransitiveTagKeys": list(self.transitive_tags),
            "SourceIdentity": self.source_identity,
        }
        return {name: value for name, value in members.items() if value}


@dataclass(frozen=True, slots=True)
class MfaCode:
    """A code of an MFA device, to be sent once."""

    serial: str
    code: str = field(repr=False)

    def parameters(self) -> dict[str, object]:
        return {"SerialNumber": self.serial, "TokenCode": self.code}


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A role session: its credentials, the ARN of the session, and its unique id
    ("AROA…:session-name")."""

    credentials: Credentials
    arn: str
    unique_id: str
