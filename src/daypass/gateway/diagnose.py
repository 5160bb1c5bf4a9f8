"""Why a signature did not match: looked for after the refusal alone, for the log, ExplainRequest,
and, where the server explains to callers, the caller.

Only secrets of the access key's own holder are tried. The search takes a few tenths of a second
of one core, so it is limited, in all and for each access key, and it keeps giving way: Python
runs one thread at a time, and a good request must not wait for it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from daypass.gateway.holder import Holders
from daypass.gateway.limits import TokenBucket, TokenBuckets
from daypass.gateway.node import Node
from daypass.gateway.operation import Service
from daypass.protocol.message import Request
from daypass.sigv4 import HttpRequest, Presented, Reason, Refusal, diagnose, parse

# Searches at once, and one every so many seconds: a tenth of a core. The same for one key.
_BURST: Final = 20
_PERIOD: Final = 2.0
_KEY_BURST: Final = 10
_KEY_PERIOD: Final = 5.0
_KEYS_KEPT: Final = 1024
_MOST_WAITING: Final = 4
# Seconds: the longest search, and how long it runs before it lets others run, and lets them.
_LONGEST: Final = 2.0
_SLICE: Final = 0.0002
_PAUSE: Final = 0.0005

_EXPLAINED: Final = frozenset({Reason.SIGNATURE_MISMATCH, Reason.UNKNOWN_ACCESS_KEY})

_log = logging.getLogger("daypass.requests")


class _TookTooLongError(Exception):
    """The search was ended."""


class Diagnoses:
    """The searches of one process."""

    __slots__ = ("_all", "_by_key", "_clock", "_thread", "_waiting")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = TokenBucket(_BURST, _PERIOD, clock())
        self._by_key = TokenBuckets(_KEY_BURST, _KEY_PERIOD, _KEYS_KEPT)
        # One of its own: those of the event loop read and write objects.
        self._thread = ThreadPoolExecutor(1, "diagnose")
        self._waiting = 0

    async def explain(
        self, node: Node, holders: Holders, request: Request, service: Service, refusal: Refusal
    ) -> str:
        """Why it was refused, in one line without anything secret. Raises nothing."""
        said = str(refusal)
        if refusal.reason not in _EXPLAINED:
            return said
        try:
            presented = _presented(request, service)
            holder = holders.find(node, presented, node.clock()) if presented else None
            if presented is None or holder is None:
                return f"{said}{_without_token(presented)}"
            if not self._may(presented.access_key_id):
                return said
            search = partial(
                _search, node, holder.secret, request, service, presented.access_key_id
            )
            return f"{said}: {await self._one_at_a_time(search)}"
        except (Refusal, _TookTooLongError):
            return said
        except Exception:
            # A refusal stays one. The traceback names code, never a value of the request.
            _log.exception("a refused signature could not be diagnosed")
            return said

    async def _one_at_a_time(self, search: Callable[[], str]) -> str:
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, search)
        finally:
            self._waiting -= 1

    def _may(self, key: str) -> bool:
        if self._waiting >= _MOST_WAITING:
            return False
        now = self._clock()
        return self._by_key.take(key, now) and self._all.take(now)


def _presented(request: Request, service: Service) -> Presented | None:
    return parse(
        request.method,
        request.path,
        request.query,
        request.headers,
        request.repeated,
        dialect=service.dialect,
    )


def _without_token(presented: Presented | None) -> str:
    if presented and presented.session_token is None and presented.access_key_id[:4] == "ASIA":
        return ": the access key is a temporary one, and the request has no session token"
    return ""


def _search(node: Node, secret: str, request: Request, service: Service, key: str) -> str:
    query = f"?{request.query}" if request.query else ""
    diagnosis = diagnose(
        HttpRequest(
            request.method,
            f"{request.scheme}://{request.headers.get('host', '')}{request.path}{query}",
            tuple(request.headers.items()),
            request.body.content,
        ),
        secret,
        service=service.name,
        region=node.region,
        now=node.clock(),
        other_secrets=_other_secrets(node, key),
        give_way=_giving_way(),
    )
    return diagnosis.sentence()


def _other_secrets(node: Node, access_key_id: str) -> Mapping[str, str]:
    """The secrets of the holder's other long-term keys, which may have been mixed up."""
    key = node.identity.access_key(access_key_id)
    if key is None:
        return {}
    # INVARIANT: nobody learns anything of a secret that is not their own.
    own = node.identity.access_keys_of(key.user_id)
    return {other.id: other.secret for other in own if other.id != access_key_id}


def _giving_way() -> Callable[[], None]:
    end = time.monotonic() + _LONGEST
    slice_end = 0.0

    def give_way() -> None:
        nonlocal slice_end
        now = time.perf_counter()
        if now < slice_end:
            return
        if time.monotonic() > end:
            raise _TookTooLongError
        # A sleep of nothing would take the interpreter again before a waiting thread wakes.
        time.sleep(_PAUSE)
        slice_end = time.perf_counter() + _SLICE

    return give_way
