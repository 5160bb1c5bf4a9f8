"""`daypass.Session`: credentials, and what signs with them, for a program in Python."""

import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daypass.client.cache.memory import MemoryStore
from daypass.client.cache.store import Store
from daypass.client.errors import CredentialsRefusedError
from daypass.client.mfa import MfaCodes
from daypass.client.providers.base import discard
from daypass.client.providers.chain import credentials_of, find_source
from daypass.client.providers.renewing import Cached
from daypass.client.providers.role_source import MfaDevice, assumed_with
from daypass.client.providers.source import Source
from daypass.client.role_requests import AssumedRole, RoleRequest
from daypass.client.settings import Sessions, Settings, read_settings
from daypass.sigv4 import Credentials

if TYPE_CHECKING:
    from boto3.session import Session as BotoSession

    from daypass.client.auth import Auth
    from daypass.client.sts import Identity


# How STS says that credentials are good no more, whatever their end.
_OVER: Final = frozenset({"ExpiredToken", "InvalidClientTokenId"})


class Session:
    """Credentials of the profile that counts (or of `profile`), or of a role assumed with them.

    role: its ARN, or a `RoleRequest` with tags, policies and the like. endpoint: where STS is
    asked, and every service of `boto3()`. region: over those of the environment and the profile.
    mfa_serial: the device whose codes the role asks for; mfa: who is asked for them. cache:
    sessions are shared with the command line, encrypted on disk. least_life: seconds that
    credentials are to be good for; they are renewed ahead of it.

    A provider itself: `Auth(credentials=session)`. Safe to share between threads and tasks. What
    it cannot do raises `daypass.client.ClientError`, and only when it is asked for credentials.
    """

    def __init__(
        self,
        profile: str | None = None,
        role: str | RoleRequest | None = None,
        endpoint: str | None = None,
        region: str | None = None,
        *,
        mfa_serial: str | None = None,
        mfa: MfaCodes | None = None,
        cache: bool = False,
        least_life: float = 300.0,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._where = (profile, region, endpoint)
        self._role = RoleRequest(role) if isinstance(role, str) else role
        self._device = MfaDevice(mfa_serial) if mfa_serial else None
        self._mfa = mfa or MfaCodes()
        self._sessions: Sessions = Store(environ=environ) if cache else MemoryStore()
        self._least_life = least_life
        self._environ = environ
        self._lock = threading.RLock()
        self._settings: Settings | None = None
        self._found: tuple[Source, Cached] | None = None

    # -- credentials -------------------------------------------------------------------------------

    def credentials(self) -> Credentials:
        """A snapshot that is good now. Ask anew for each request."""
        source, kept = self._source()
        return credentials_of(replace(source, provider=kept), self.settings)

    def assumed(self) -> AssumedRole:
        """With the ARN of the session, where they are a role's; else it is empty."""
        assume = getattr(self._source()[0].provider, "assume", None)
        if not callable(assume):
            return AssumedRole(self.credentials(), "", "")
        assumed: AssumedRole = assume()
        return assumed

    async def credentials_async(self) -> Credentials:
        """The same without blocking the event loop."""
        from asyncio import to_thread  # noqa: PLC0415 - 20 ms for who is not asynchronous

        return await to_thread(self.credentials)

    def discard(self, refused: Credentials) -> None:
        """Do not give these again, and read the files anew: other tools write there."""
        with self._lock:
            found, self._found, self._settings = self._found, None, None
        if found is not None:
            discard(found[1], refused)

    def stop_asking(self) -> None:
        """From now on nobody is asked for a code of an MFA device."""
        self._mfa.stop_asking()

    def source(self) -> Source:
        """Where the credentials come from; none are asked for."""
        return self._source()[0]

    def _source(self) -> tuple[Source, Cached]:
        with self._lock:
            if self._found is None:
                settings = self.settings()
                source = find_source(settings)
                if self._role is not None:
                    source = assumed_with(settings, source, self._role, self._device)
                self._found = source, Cached(source.provider, ahead=self._least_life)
            return self._found

    # -- surroundings ------------------------------------------------------------------------------

    def settings(self) -> Settings:
        """The files and the environment as they were when they were read first."""
        with self._lock:
            if self._settings is None:
                read = read_settings(*self._where, environ=self._environ)
                self._settings = replace(
                    read, sessions=self._sessions, mfa=self._mfa, least_life=self._least_life
                )
            return self._settings

    @property
    def region(self) -> str | None:
        """The region, if anything says one."""
        return self.settings().configured_region()

    def endpoint_url(self, service: str) -> str | None:
        """The URL configured for a service ("lambda"), None for AWS's own."""
        return self.settings().configured_endpoint(service)

    def identity(self) -> "Identity":
        """Who these credentials are, by sts:GetCallerIdentity."""
        from daypass.client.sts import caller_identity  # noqa: PLC0415 - not for what is cached

        credentials = self.credentials()
        try:
            return caller_identity(credentials, self.settings())
        except CredentialsRefusedError as error:
            if error.code not in _OVER:
                raise
            # A session may be revoked, or its role made anew, while it is in the cache.
            self.discard(credentials)
            fresh = self.credentials()
            if fresh == credentials:
                raise
            return caller_identity(fresh, self.settings())

    async def identity_async(self) -> "Identity":
        """The same without blocking the event loop."""
        from asyncio import to_thread  # noqa: PLC0415 - see above

        return await to_thread(self.identity)

    # -- what signs --------------------------------------------------------------------------------

    def auth(self, service: str | None = None, region: str | None = None) -> "Auth":
        """For httpx, requests and aiohttp; see `daypass.Auth`."""
        from daypass.client.auth import Auth  # noqa: PLC0415 - httpx takes 0.2 s to import

        return Auth(service, region or self._where[1], credentials=self, profile=self._where[0])

    def boto3(self) -> "BotoSession":
        """A boto3 session whose credentials are this one's, renewed for as long as it lives."""
        from daypass.client.boto import boto3_session  # noqa: PLC0415 - boto3 is an extra

        return boto3_session(self, self.settings())
