"""Signing, and what follows a refusal: one corrected try, then an error that says why."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from daypass.client.endpoints import Scope
from daypass.client.errors import UnsignableBodyError
from daypass.client.explaining import refused
from daypass.client.providers.base import CredentialsProvider, discard
from daypass.client.refusals import Answer, Kind, Refused, read_refusal
from daypass.client.signed import SET_BY_SIGNING, Outgoing, Signed
from daypass.sigv4 import UNSIGNED_PAYLOAD, Credentials, HttpRequest, sign

# What is signed of the caller's headers, beside every x-amz-*: proxies may change the others on
# the way, and what is not signed may change without harm.
_SIGNED: Final = frozenset({"host", "content-type", "content-md5"})
# Seconds a server's clock may be off before a refusal is taken for the clock's; AWS's SDKs have
# the same. Servers accept 900.
_SKEW: Final = 240.0
_HOSTS_KEPT: Final = 64


class Signer:
    """Signs requests with credentials of a provider, and answers refusals. Blocks: renewing
    credentials and hashing files take time. Safe to share between threads.

    unsigned_payload: bodies are sent without a hash, which S3 alone takes.
    """

    def __init__(
        self,
        provider: CredentialsProvider,
        scope: Callable[[str], Scope],
        clock: Callable[[], float],
        *,
        unsigned_payload: bool,
    ) -> None:
        self._provider = provider
        self._scope = scope
        self._clock = clock
        self.unsigned_payload = unsigned_payload
        self._offsets: dict[str, float] = {}

    def sign(self, outgoing: Outgoing) -> Signed:
        """The first try. Raises `ClientError`, `SigningError`."""
        scope = self._scope(outgoing.url)
        if self.unsigned_payload and scope.service != "s3":
            raise UnsignableBodyError(
                f"A request to {scope.service} cannot be sent with an unsigned payload.",
                "Only S3 takes UNSIGNED-PAYLOAD.",
                'Leave out payload="unsigned".',
            )
        payload = UNSIGNED_PAYLOAD if self.unsigned_payload else outgoing.payload()
        return self._signed(outgoing, scope, payload, self._provider.credentials())

    def after(self, signed: Signed, answer: Answer) -> Signed | None:
        """The second try of a request that was refused for its time or an expired token; None if
        the answer is no refusal of the signature. Raises `SignatureRefusedError` for any other.
        """
        refusal = read_refusal(answer)
        if refusal is None:
            return None
        rewind = signed.outgoing.rewind
        moved = answer.url != signed.request.url
        if rewind is not None and not signed.corrected and not moved:
            again = self._corrected(signed, refusal)
            if again is not None:
                rewind()
                return again
        if not refusal.code:
            return None
        raise refused(signed, refusal, answer)

    def _corrected(self, signed: Signed, refusal: Refused) -> Signed | None:
        payload = signed.request.body or b""
        if refusal.kind is Kind.EXPIRED:
            discard(self._provider, signed.credentials)
            fresh = self._provider.credentials()
            if fresh == signed.credentials:
                return None
            return self._signed(signed.outgoing, signed.scope, payload, fresh, corrected=True)
        server_time = refusal.server_time
        if refusal.kind is Kind.OTHER or server_time is None:
            return None
        if abs(server_time - signed.timestamp) <= _SKEW:
            return None
        if len(self._offsets) >= _HOSTS_KEPT:
            self._offsets.clear()
        self._offsets[_host(signed.outgoing.url)] = server_time - self._clock()
        return self._signed(
            signed.outgoing, signed.scope, payload, signed.credentials, corrected=True
        )

    def _signed(
        self,
        outgoing: Outgoing,
        scope: Scope,
        payload: bytes | str,
        credentials: Credentials,
        *,
        corrected: bool = False,
    ) -> Signed:
        now = self._clock() + self._offsets.get(_host(outgoing.url), 0.0)
        kept = [(name, value) for name, value in outgoing.headers if _is_signed(name.lower())]
        request = HttpRequest(outgoing.method, outgoing.url, kept, payload)
        headers = sign(request, credentials, service=scope.service, region=scope.region, now=now)
        return Signed(
            outgoing, request._replace(headers=headers), scope, credentials, now, corrected
        )


def _is_signed(name: str) -> bool:
    return name in _SIGNED or (name.startswith("x-amz-") and name not in SET_BY_SIGNING)


def _host(url: str) -> str:
    return urlsplit(url).netloc
