"""Credentials that STS issues, asked for anew at each call: put these in `Cached`."""

from collections.abc import Callable

from daypass.client.errors import CredentialsUnavailableError
from daypass.client.providers.base import CredentialsProvider
from daypass.client.role_requests import AssumedRole, MfaCode, RoleRequest
from daypass.client.settings import Endpoint, Located
from daypass.sigv4 import Credentials


class AssumeRole:
    """A role, assumed with the credentials of `source`. mfa: gives a code of a device each time.
    ask: how STS is asked; the default is the network."""

    def __init__(
        self,
        request: RoleRequest,
        source: CredentialsProvider,
        at: Located | None = None,
        ask: Callable[[RoleRequest, Credentials, Located, MfaCode | None], AssumedRole] | None = (
            None
        ),
        mfa: Callable[[], MfaCode] | None = None,
    ) -> None:
        self._request = request
        self._source = source
        self._at = at or Endpoint()
        self._ask = ask
        self._mfa = mfa

    def credentials(self) -> Credentials:
        return self.assume().credentials

    def assume(self) -> AssumedRole:
        """The whole answer: also the session's ARN."""
        source = self._source.credentials()
        # The code last: it is good for half a minute.
        code = self._mfa() if self._mfa else None
        if self._ask is not None:
            return self._ask(self._request, source, self._at, code)
        from daypass.client.sts import assume_role  # noqa: PLC0415 - not for what is cached

        return assume_role(self._request, source, self._at, code)


class AssumeRoleWithWebIdentity:
    """A role, assumed with a token of an OpenID provider. token: reads it anew each time."""

    def __init__(
        self, request: RoleRequest, token: Callable[[], str], at: Located | None = None
    ) -> None:
        self._request = request
        self._token = token
        self._at = at or Endpoint()

    def credentials(self) -> Credentials:
        return self.assume().credentials

    def assume(self) -> AssumedRole:
        """The whole answer: also the session's ARN."""
        from daypass.client.sts import assume_role_with_web_identity  # noqa: PLC0415 - not for what is cached

        return assume_role_with_web_identity(self._request, self._token(), self._at)


class AssumeRoleWithSaml:
    """A role, assumed with a SAML response. assertion: gives its base64 anew each time."""

    def __init__(
        self,
        request: RoleRequest,
        provider_arn: str,
        assertion: Callable[[], str],
        at: Located | None = None,
    ) -> None:
        self._request = request
        self._provider_arn = provider_arn
        self._assertion = assertion
        self._at = at or Endpoint()

    def credentials(self) -> Credentials:
        return self.assume().credentials

    def assume(self) -> AssumedRole:
        """The whole answer: also the session's ARN."""
        from daypass.client.sts import assume_role_with_saml  # noqa: PLC0415 - not for what is cached

        return assume_role_with_saml(self._request, self._provider_arn, self._assertion(), self._at)


class SessionToken:
    """A session of the user whose long-term keys `source` has: with MFA once, it serves for all
    roles that ask for MFA. duration_seconds: 900 to 129600, None for twelve hours."""

    def __init__(
        self,
        source: CredentialsProvider,
        at: Located | None = None,
        mfa: Callable[[], MfaCode] | None = None,
        duration_seconds: int | None = None,
    ) -> None:
        self._source = source
        self._at = at or Endpoint()
        self._mfa = mfa
        self._duration_seconds = duration_seconds

    def credentials(self) -> Credentials:
        source = self._source.credentials()
        code = self._mfa() if self._mfa else None
        from daypass.client.sts import get_session_token  # noqa: PLC0415 - not for what is cached

        return get_session_token(source, self._at, code, self._duration_seconds)


def token_in(path: str, what: str) -> str:
    """The text of a file that another program keeps current, without blanks around it.

    what: what it is, for the error. Raises `CredentialsUnavailableError`.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CredentialsUnavailableError(
            f"{what} cannot be read.", f"{path}: {said}.", "Is the path right?"
        ) from error
