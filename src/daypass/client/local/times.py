"""Times as the endpoints of credentials write them."""

from datetime import UTC, datetime


def iso_time(seconds: float) -> str:
    """Unix seconds, cut to whole ones: 2026-01-31T12:00:00Z. Every SDK wants the zone."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
