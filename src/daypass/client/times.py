"""Times as AWS writes them."""

from datetime import UTC, datetime


def seconds_of_iso(text: str | None) -> float | None:
    """Unix seconds of an ISO 8601 time, which is UTC where it names no zone; None if it is none."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso_of_seconds(seconds: float) -> str:
    """As AWS writes times, cut to whole seconds: 2026-01-31T12:00:00Z. Every SDK wants the zone."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
