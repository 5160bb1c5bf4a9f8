"""The endpoint of STS: where it is configured, whether it answers, and what time it has."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final

from daypass.client.cache.keys import where
from daypass.client.cache.store import Store
from daypass.client.errors import ClientError, MfaCodeNeededError
from daypass.client.health.findings import Finding, note, ok, problem
from daypass.client.http import exchange
from daypass.client.session import Session
from daypass.client.settings import Settings

_TIMEOUT: Final = 5.0  # seconds
# Seconds a clock may be off: AWS's services refuse from 300 (Lambda) or 900 (STS, S3) on.
_UNEASY: Final = 60.0
_TOO_MUCH: Final = 300.0


def check_endpoint(settings: Settings) -> Iterator[Finding]:
    """Whether STS answers, and whether this clock is right by its."""
    try:
        place = settings.place()
    except ClientError as error:
        yield problem("endpoint", f"{error.what} {error.why}".strip(), error.remedy)
        return
    yield ok("endpoint", f"STS is asked at {place.url} in {place.region}{_why(settings)}.")
    before = time.time()
    try:
        answered = exchange(
            "GET", f"{place.url.rstrip('/')}/", {}, timeout=_TIMEOUT, ca_bundle=place.ca_bundle
        )
    except OSError as error:
        said = (error.strerror or str(error)).rstrip(".")
        yield problem(
            "endpoint",
            f"{place.url} does not answer: {said}.",
            "Is the address right, the server running, and a proxy (HTTPS_PROXY, NO_PROXY) meant?",
        )
        return
    now = (before + time.time()) / 2
    try:
        there = parsedate_to_datetime(answered.headers.get("date", "")).timestamp()
    except ValueError:
        yield note("clock", "The endpoint does not say what time it has.")
        return
    yield _clock(now - there)


def _clock(ahead: float) -> Finding:
    off = f"This clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the endpoint's"
    if abs(ahead) >= _TOO_MUCH:
        return problem("clock", f"{off}: signatures are refused.", "Set the clock, by NTP.")
    if abs(ahead) >= _UNEASY:
        return note("clock", f"{off}.", "Set the clock, by NTP: services refuse from 5 min on.")
    return ok("clock", "This clock is right, by the endpoint's.")


def _why(settings: Settings) -> str:
    environ = settings.environ
    if settings.endpoint_url:
        return ", as asked for"
    if settings.configured_endpoint("sts") is None:
        ignored = environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
        return ", AWS's own" + (": configured ones are ignored" if ignored else "")
    for variable in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"):
        if environ.get(variable):
            return f", by {variable}"
    return f", by the profile {settings.profile_name}"


def check_credentials(session: Session) -> Iterator[Finding]:
    """Whether there are any without asking a person, and who they are."""
    session.stop_asking()
    try:
        credentials = session.credentials()
    except MfaCodeNeededError:
        yield note("credentials", "A code of an MFA device is needed to get them.", "daypass login")
        return
    except ClientError as error:
        yield problem("credentials", f"{error.what} {error.why}".strip(), error.remedy)
        return
    try:
        identity = session.identity()
    except ClientError as error:
        yield problem("credentials", f"{error.what} {error.why}".strip(), error.remedy)
        return
    until = credentials.expiration
    left = "" if until is None else f", for {max(0, until - time.time()) / 60:.0f} min"
    yield ok("credentials", f"They are those of {identity.arn}{left}.")
    if credentials.session_token is None and not identity.arn.endswith(":root"):
        yield note(
            "credentials",
            "They are long-term keys.",
            "Let a role be assumed with them: temporary credentials do less harm.",
        )
    if identity.arn.endswith(":root"):
        yield note(
            "credentials",
            "They are the root user's keys, which no policy limits.",
            "Make a user or a role, and deactivate them.",
        )


def check_cache() -> Iterator[Finding]:
    """What is kept between runs, and where its key is."""
    store = Store()
    entries = store.entries()
    if store.broken:
        yield problem("cache", f"It is not used. {store.broken}", "daypass cache clear")
        return
    kept = f"{len(entries)} session{'' if len(entries) == 1 else 's'}"
    key = where(store.places.key)
    yield ok("cache", f"{kept} kept in {store.places.sessions}, the key is in the {key}.")
