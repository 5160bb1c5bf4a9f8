"""How much one principal, and one address, may ask of a process before it is told to wait.

Counted are sessions as they are issued, those of them that live, and signatures, tokens and
assertions in a row that prove nothing. Every count is of one process, and of those who were
counted last.
"""

import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from daypass.gateway.caller import Caller
from daypass.gateway.limit_settings import LimitSettings
from daypass.tokens import Session, provider_subject

# Of each kind at most, about 300 bytes each; beyond it the one counted longest ago is forgotten.
_KEPT: Final = 8_192
# Seconds of its rate that may be used at once.
_BURST_SECONDS: Final = 2.0
# Failures in a row that are let pass: a program with a wrong key is tried a few times. Each after
# them closes the door for twice as long, from a second to five minutes.
_FREE_FAILURES: Final = 100
_SHORTEST_LOCKOUT: Final = 1.0
_LONGEST_LOCKOUT: Final = 300.0
# Seconds without a failure after which those before are forgotten.
_FORGOTTEN_AFTER: Final = 900.0
_MINUTE: Final = 60
# How many of each kind are shown.
_SHOWN: Final = 100

_log = logging.getLogger("daypass.limits")

# The minute in which sessions expire, and how many do.
Expiring = Iterable[tuple[int, int]]


class LimitExceededError(Exception):
    """It would be more than one may have. The text says of what, and what to do."""


class TokenBucket:
    """At most `burst` at once, and one more every `period` seconds."""

    __slots__ = ("_burst", "_left", "_period", "_since")

    def __init__(self, burst: float, period: float, now: float) -> None:
        self._burst = burst
        self._period = period
        self._left = burst
        self._since = now

    def take(self, now: float) -> bool:
        """Whether there is one left, which is taken. now: seconds of a clock that only rises."""
        self._left = min(self._burst, self._left + (now - self._since) / self._period)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class TokenBuckets:
    """A bucket a key. The least recently asked for are forgotten: theirs are full again by then."""

    __slots__ = ("_buckets", "_burst", "_kept", "_period")

    def __init__(self, burst: float, period: float, kept: int = _KEPT) -> None:
        self._burst = burst
        self._period = period
        self._kept = kept
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str, now: float) -> bool:
        """Whether the key has one left, which is taken."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._burst, self._period, now)
            if len(self._buckets) > self._kept:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now)


class _Live:
    """The sessions of one principal that have not expired, to the minute."""

    __slots__ = ("_minutes", "_swept", "count")

    def __init__(self, expiring: Expiring, now: float) -> None:
        self._minutes: dict[int, int] = dict(expiring)
        self.count = sum(self._minutes.values())
        self._swept = 0
        self.sweep(now)

    def add(self, expires: int) -> None:
        minute = expires // _MINUTE
        self._minutes[minute] = self._minutes.get(minute, 0) + 1
        self.count += 1

    def sweep(self, now: float) -> None:
        """Forget what has expired. There are as many minutes as the longest session has."""
        minute = int(now) // _MINUTE
        if minute == self._swept:
            return
        self._swept = minute
        for ended in [each for each in self._minutes if each < minute]:
            self.count -= self._minutes.pop(ended)


@dataclass(slots=True)
class _Failures:
    """Failures in a row. last, until: when the last was and the lockout ends, by our clock."""

    count: int = 0
    last: float = 0.0
    until: float = 0.0


class Limits:
    """The counts of one process. throttled: how many requests were refused, by why."""

    __slots__ = (
        "_addresses",
        "_clock",
        "_failures",
        "_live",
        "_principals",
        "settings",
        "throttled",
    )

    def __init__(
        self, settings: LimitSettings | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings or LimitSettings()
        self._clock = clock
        self._principals = _buckets(self.settings.principal_rate)
        self._addresses = _buckets(self.settings.address_rate)
        self._live: OrderedDict[str, _Live] = OrderedDict()
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self.throttled = {"PrincipalRate": 0, "AddressRate": 0, "LiveSessions": 0, "Lockout": 0}

    # -- issuing -----------------------------------------------------------------------------

    def admit(
        self, caller: Caller, address: str, now: float, expiring: Callable[[str], Expiring]
    ) -> None:
        """Let the caller have one more session, or raise `LimitExceededError`.

        expiring: how many sessions that began with a principal live, by the minute in which they
        expire; asked when the principal is first counted.
        """
        principal, moment = origin(caller), self._clock()
        if self._principals is not None and not self._principals.take(principal, moment):
            raise self._exceeded(
                "PrincipalRate",
                f"{self.settings.principal_rate:g} sessions a second are issued to one principal",
            )
        if self._addresses is not None and not self._addresses.take(_network(address), moment):
            raise self._exceeded(
                "AddressRate",
                f"{self.settings.address_rate:g} sessions a second are issued to one address",
            )
        live = self._live.get(principal)
        if live is None:
            live = self._live[principal] = _Live(expiring(principal), now)
            if len(self._live) > _KEPT:
                self._live.popitem(last=False)
        else:
            self._live.move_to_end(principal)
        live.sweep(now)
        if 0 < self.settings.live_sessions <= live.count:
            raise self._exceeded(
                "LiveSessions",
                f"{self.settings.live_sessions} sessions of one principal live at most. Use "
                "sessions until they expire, or ask for shorter ones",
            )

    def issued(self, session: Session) -> None:
        """Count a session that was issued."""
        live = self._live.get(session.parents[-1].subject_id if session.parents else "")
        if live is not None:
            live.add(session.expires)

    # -- failing -----------------------------------------------------------------------------

    def refuse_locked_out(self, address: str, name: str) -> None:
        """Raise `LimitExceededError` where too much in a row proved nothing. name: the access key,
        or the operation where a token in its input is to prove the caller."""
        if not self._failures:
            return
        failures = self._failures.get((address, name))
        if failures is None:
            return
        left = failures.until - self._clock()
        if left > 0:
            raise self._exceeded(
                "Lockout",
                f"{failures.count} requests in a row from this address proved nothing, all for "
                f"{name}. Correct what they are made with, and try again in {left + 1:.0f} s",
            )

    def failed(self, address: str, name: str) -> None:
        """Count a signature, a token or an assertion that proved nothing."""
        moment, who = self._clock(), (address, name)
        failures = self._failures.pop(who, None)
        if failures is None or moment - failures.last > _FORGOTTEN_AFTER:
            failures = _Failures()
        self._failures[who] = failures
        if len(self._failures) > _KEPT:
            self._failures.popitem(last=False)
        failures.count += 1
        failures.last = moment
        beyond = failures.count - _FREE_FAILURES
        if beyond >= 0:
            lockout = min(_SHORTEST_LOCKOUT * 2.0 ** min(beyond, 16), _LONGEST_LOCKOUT)
            failures.until = moment + lockout
            _log.warning(
                "%d requests in a row for %s from %s proved nothing: locked out for %.0f s",
                failures.count,
                name,
                address,
                lockout,
            )

    def succeeded(self, address: str, name: str) -> None:
        """What is asked for was proved: failures before it count no more."""
        if self._failures:
            self._failures.pop((address, name), None)

    # -- showing -----------------------------------------------------------------------------

    def live(self, now: float) -> Mapping[str, int]:
        """The live sessions by principal, the most first, of those who were counted."""
        for counted in self._live.values():
            counted.sweep(now)
        most = sorted(self._live.items(), key=lambda one: -one[1].count)
        return {name: counted.count for name, counted in most[:_SHOWN]}

    def locked_out(self) -> Iterator[dict[str, Any]]:
        """Who is locked out now, and for how many seconds more."""
        moment = self._clock()
        for (address, name), failures in list(self._failures.items())[-_SHOWN:]:
            if failures.until > moment:
                left = int(failures.until - moment) + 1
                yield {
                    "Address": address,
                    "Name": name,
                    "Failures": failures.count,
                    "SecondsLeft": left,
                }

    def _exceeded(self, why: str, text: str) -> LimitExceededError:
        self.throttled[why] += 1
        if self.throttled[why] == 1:
            _log.warning("a request was refused for the first time because %s", text)
        return LimitExceededError(f"Rate exceeded: {text}.")


def origin(caller: Caller) -> str:
    """With whom the caller's chain of sessions began: a user, root, a provider, or the role of a
    service. By its unique id, as the list of sessions has it."""
    if caller.external is not None:
        return provider_subject(caller.external.provider)
    session = caller.session
    if session is None:
        return caller.principal.unique_id
    return session.parents[-1].subject_id if session.parents else session.subject_id


def _buckets(rate: float) -> TokenBuckets | None:
    return TokenBuckets(max(rate * _BURST_SECONDS, 1.0), 1 / rate) if rate > 0 else None


def _network(address: str) -> str:
    """The address, or of IPv6 the network that one subscriber has."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
