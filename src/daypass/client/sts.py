"""Asking an STS, AWS's or a Daypass server's, for a role's credentials and for who one is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from daypass.client.endpoints import environment_region
from daypass.client.errors import (
    ClientError,
    CredentialsRefusedError,
    CredentialsUnavailableError,
)
from daypass.sigv4 import Credentials

if TYPE_CHECKING:
    from botocore.client import BaseClient

_REMEDIES: Final = {
    "AccessDenied": "Both must allow sts:AssumeRole: the role's trust policy, and a policy of the "
    "caller's (the trust policy alone, if it names the caller itself).",
    "ExpiredToken": "Get new credentials; these are over.",
    "InvalidClientTokenId": "The access key does not exist there, is inactive, or lacks its "
    "session token. Is the endpoint the one the key belongs to?",
    "SignatureDoesNotMatch": "The secret access key is not the one of this access key id.",
}


@dataclass(frozen=True, slots=True)
class RoleRequest:
    """What is asked of sts:AssumeRole. duration_seconds: 900 to 43200, None for the role's
    default of an hour. policy: the text of a session policy; policy_arns: managed ones."""

    role_arn: str
    session_name: str = "daypass"
    duration_seconds: int | None = None
    external_id: str | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()

    def parameters(self) -> dict[str, object]:
        """The members of the operation's input that are set, by their names in AWS's API."""
        members: dict[str, object] = {
            "RoleArn": self.role_arn,
            "RoleSessionName": self.session_name,
            "DurationSeconds": self.duration_seconds,
            "ExternalId": self.external_id,
            "Policy": self.policy,
            "PolicyArns": [{"arn": arn} for arn in self.policy_arns],
        }
        return {name: value for name, value in members.items() if value}


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A role session: its credentials, the ARN of the session, and its unique id
    ("AROA…:session-name")."""

    credentials: Credentials
    arn: str
    unique_id: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer of sts:GetCallerIdentity."""

    account: str
    arn: str
    unique_id: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where STS is asked. Each None is taken from the environment and the profile."""

    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None


def assume_role(request: RoleRequest, source: Credentials, at: Endpoint) -> AssumedRole:
    """sts:AssumeRole with these credentials. Raises `ClientError`."""
    what = f"Assuming {request.role_arn} failed."
    answer = _call(what, source, at, "assume_role", request.parameters())
    made = answer["Credentials"]
    user = answer["AssumedRoleUser"]
    return AssumedRole(
        Credentials(
            made["AccessKeyId"],
            made["SecretAccessKey"],
            made["SessionToken"],
            made["Expiration"].timestamp(),
        ),
        user["Arn"],
        user["AssumedRoleId"],
    )


def caller_identity(source: Credentials, at: Endpoint) -> Identity:
    """sts:GetCallerIdentity with these credentials. Raises `ClientError`."""
    answer = _call("Asking who this is failed.", source, at, "get_caller_identity", {})
    return Identity(answer["Account"], answer["Arn"], answer["UserId"])


def _call(
    what: str, source: Credentials, at: Endpoint, operation: str, parameters: Mapping[str, object]
) -> Mapping[str, Any]:
    # botocore takes 0.3 s to import; who only signs does not pay for it.
    from botocore import exceptions  # noqa: PLC0415

    try:
        answer: Mapping[str, Any] = getattr(_client(source, at), operation)(**parameters)
    except exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        message = error.response["Error"]["Message"]
        raise CredentialsRefusedError(
            code, what, f"STS answered {code}: {message}", _REMEDIES.get(code, "")
        ) from error
    except exceptions.BotoCoreError as error:
        raise unavailable(what, error) from error
    return answer


def _client(source: Credentials, at: Endpoint) -> "BaseClient":
    from botocore.session import Session  # noqa: PLC0415 - see above

    session = Session(profile=at.profile)
    return session.create_client(
        "sts",
        region_name=at.region or environment_region(),
        endpoint_url=at.endpoint_url,
        aws_access_key_id=source.access_key_id,
        aws_secret_access_key=source.secret_access_key,
        aws_session_token=source.session_token,
    )


def unavailable(what: str, error: Exception) -> ClientError:
    """The SDK's own failure (no network, no region, a broken profile) in our terms."""
    name = type(error).__name__
    remedies = {
        "NoRegionError": "Set AWS_REGION, or pass the region.",
        "ProfileNotFound": "`aws configure list-profiles` lists those there are.",
        "EndpointConnectionError": "Is AWS_ENDPOINT_URL right, and the server running?",
    }
    return CredentialsUnavailableError(what, str(error).rstrip(".") + ".", remedies.get(name, ""))
