"""boto3 on credentials of ours: renewed by us, ahead of their end, for as long as it is used."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.credentials import ReadOnlyCredentials
from botocore.session import Session as SdkSession

from daypass.client.errors import ConfigurationError
from daypass.client.providers.base import CredentialsProvider
from daypass.client.settings import Settings

if TYPE_CHECKING:
    from boto3.session import Session as BotoSession


def boto3_session(provider: CredentialsProvider, settings: Settings) -> "BotoSession":
    """A boto3 session that asks the provider at each signature. Its clients go to the endpoint
    that was asked for, if one was. Raises `ConfigurationError` where boto3 is not installed."""
    try:
        import boto3  # noqa: PLC0415 - it need not be there
    except ImportError:
        raise ConfigurationError("There is no boto3 here.", "", "pip install boto3") from None
    sdk = SdkSession(profile=settings.profile)
    sdk.register_component("credential_provider", _Resolver(provider))
    session = boto3.Session(botocore_session=sdk, region_name=settings.configured_region())
    endpoint_url = settings.endpoint_url
    if endpoint_url:
        make = session.client

        def client(*arguments: Any, **options: Any) -> Any:
            if len(arguments) <= _BEFORE_ENDPOINT:
                options["endpoint_url"] = options.get("endpoint_url") or endpoint_url
            return make(*arguments, **options)

        setattr(session, "client", client)  # noqa: B010 - `resource` makes its clients so, too
    return session


# The positional arguments of `boto3.Session.client` before endpoint_url.
_BEFORE_ENDPOINT = 5


class _Resolver:
    """botocore's chain of providers, with one."""

    def __init__(self, provider: CredentialsProvider) -> None:
        self._credentials = _Credentials(provider)

    def load_credentials(self) -> "_Credentials":
        return self._credentials


class _Credentials:
    """What botocore asks of credentials. A signature takes a frozen copy."""

    method = "daypass"
    account_id = None

    def __init__(self, provider: CredentialsProvider) -> None:
        self._provider = provider

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        now = self._provider.credentials()
        return ReadOnlyCredentials(now.access_key_id, now.secret_access_key, now.session_token)

    def get_deferred_property(self, name: str) -> Callable[[], object]:
        return lambda: getattr(self, name, None)

    @property
    def access_key(self) -> str:
        return self._provider.credentials().access_key_id

    @property
    def secret_key(self) -> str:
        return self._provider.credentials().secret_access_key

    @property
    def token(self) -> str | None:
        return self._provider.credentials().session_token
