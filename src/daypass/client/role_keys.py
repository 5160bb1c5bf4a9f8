"""The keys of a profile that say what is asked of STS, AWS's and Daypass's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from daypass.client.config import Section
from daypass.client.errors import ConfigurationError
from daypass.client.role_requests import RoleRequest

# Beside AWS's: session_tags, transitive_session_tags, source_identity, session_policy,
# session_policy_arns.
DEFAULT_SESSION_NAME: Final = "daypass"


def role_request(section: Section, profile: str) -> RoleRequest:
    """What the profile asks of a role session. Raises `ConfigurationError`."""
    return RoleRequest(
        _text(section, "role_arn") or "",
        _text(section, "role_session_name") or DEFAULT_SESSION_NAME,
        _seconds(section),
        _text(section, "external_id"),
        _policy(section, profile),
        _list(section, "session_policy_arns"),
        _tags(section, profile),
        _list(section, "transitive_session_tags"),
        _text(section, "source_identity"),
    )


def parse_tags(text: str) -> tuple[tuple[str, str], ...]:
    """`Project=alpha,Team=blue`. Raises ValueError with what is wrong."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(equals and key.strip() for key, equals, _ in pairs):
        raise ValueError(f"{text!r} is not KEY=VALUE, or several of them with commas between.")
    return tuple((key.strip(), value.strip()) for key, _, value in pairs)


def _text(section: Section, key: str) -> str | None:
    value = section.get(key)
    return value if isinstance(value, str) and value else None


def _list(section: Section, key: str) -> tuple[str, ...]:
    parts = (_text(section, key) or "").replace("\n", ",").split(",")
    return tuple(part.strip() for part in parts if part.strip())


def _seconds(section: Section) -> int | None:
    try:
        return int(_text(section, "duration_seconds") or 0) or None
    except ValueError:
        return None  # as AWS's tools do; `daypass doctor` says so


def _tags(section: Section, profile: str) -> tuple[tuple[str, str], ...]:
    value = section.get("session_tags")
    if isinstance(value, Mapping):
        return tuple(value.items())
    try:
        return parse_tags(value or "")
    except ValueError as error:
        raise ConfigurationError(
            f"The profile {profile} cannot be used.",
            f"Its session_tags: {error}",
            "Write `session_tags = Project=alpha, Team=blue`, or one below the other, indented.",
        ) from None


def _policy(section: Section, profile: str) -> str | None:
    text = _text(section, "session_policy")
    path = (text or "").removeprefix("file://").removeprefix("@")
    if text is None or path == text:
        return text
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(
            f"The profile {profile} cannot be used.", f"Its session_policy, {path}: {said}."
        ) from error
