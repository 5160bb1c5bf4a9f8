"""What a provider is, and the two simplest."""

from typing import Protocol, runtime_checkable

from daypass.client.errors import NoCredentialsError
from daypass.sigv4 import Credentials


class CredentialsProvider(Protocol):
    """Gives credentials that are good now: an immutable snapshot, to be asked for anew before
    each signature. Safe to call from several threads. Raises `ClientError`."""

    def credentials(self) -> Credentials: ...


@runtime_checkable
class KeepsCredentials(Protocol):
    """A provider that keeps what it gave, and can be told that a service finds it over."""

    def discard(self, refused: Credentials) -> None:
        """Do not give these again. Does nothing if others are kept by now."""


def discard(provider: CredentialsProvider, refused: Credentials) -> None:
    """Tell a provider, if it keeps any, that these credentials were refused."""
    if isinstance(provider, KeepsCredentials):
        provider.discard(refused)


class Static:
    """The same credentials always."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def credentials(self) -> Credentials:
        return self._credentials


class FirstOf:
    """The first provider that has any credentials. One that has some and cannot give them ends
    the search: falling through to other credentials would act as somebody else."""

    def __init__(self, *providers: CredentialsProvider) -> None:
        self._providers = providers

    def credentials(self) -> Credentials:
        for provider in self._providers[:-1]:
            try:
                return provider.credentials()
            except NoCredentialsError:
                continue
        return self._providers[-1].credentials()

    def discard(self, refused: Credentials) -> None:
        for provider in self._providers:
            discard(provider, refused)
