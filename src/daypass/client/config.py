"""~/.aws/config and ~/.aws/credentials, read as the AWS SDK for Python reads them.

Source: AWS SDKs and Tools reference guide, "Shared config and credentials files".
"""

import configparser
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from daypass.client.errors import ConfigurationError

# A key's value; a mapping where the key heads an indented block.
Value: TypeAlias = "str | Mapping[str, str]"
Section: TypeAlias = Mapping[str, Value]

_CONFIG: Final = ("AWS_CONFIG_FILE", "~/.aws/config")
_CREDENTIALS: Final = ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
_KINDS: Final = ("profile", "sso-session", "services")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Both files. profiles: a profile's keys of both, those of the credentials file winning.

    config, credentials: each file's own, as two sources of static keys are told apart by it.
    """

    config_path: str
    credentials_path: str
    config: Mapping[str, Section] = field(repr=False)
    credentials: Mapping[str, Section] = field(repr=False)
    profiles: Mapping[str, Section] = field(repr=False)
    sso_sessions: Mapping[str, Section] = field(repr=False)
    services: Mapping[str, Section] = field(repr=False)

    def text(self, profile: str, key: str) -> str | None:
        """A key of a profile, if it is there and no block."""
        value = self.profiles.get(profile, {}).get(key)
        return value if isinstance(value, str) else None


def read_configuration(environ: Mapping[str, str] = os.environ) -> Configuration:
    """Read both files where the environment says they are; a missing one is empty.

    Raises `ConfigurationError` for one that cannot be parsed.
    """
    config_path = _path(_CONFIG, environ)
    credentials_path = _path(_CREDENTIALS, environ)
    found: dict[str, dict[str, Section]] = {kind: {} for kind in _KINDS}
    for header, section in _sections(config_path).items():
        if header == "default":
            found["profile"]["default"] = section
            continue
        kind = next((kind for kind in _KINDS if header.startswith(kind)), None)
        name = _name(header)
        if kind and name is not None:
            found[kind][name] = section
    credentials = _sections(credentials_path)
    profiles = dict(found["profile"])
    for name, section in credentials.items():
        profiles[name] = {**profiles.get(name, {}), **section}
    return Configuration(
        config_path,
        credentials_path,
        found["profile"],
        credentials,
        profiles,
        found["sso-session"],
        found["services"],
    )


def _path(place: tuple[str, str], environ: Mapping[str, str]) -> str:
    variable, default = place
    return os.path.expanduser(os.path.expandvars(environ.get(variable, default)))


def _name(header: str) -> str | None:
    """The name in `profile "name"`."""
    try:
        parts = shlex.split(header)
    except ValueError:
        return None
    return parts[1] if len(parts) == 2 else None


def _sections(path: str) -> dict[str, Section]:
    if not os.path.isfile(path):
        return {}
    parser = configparser.RawConfigParser()
    try:
        parser.read([path], encoding="utf-8-sig")
    except configparser.MissingSectionHeaderError as error:
        raise _unreadable(path, f"Line {error.lineno} is above the first [section].") from None
    except configparser.ParsingError as error:
        # The parser's own text quotes the line, and the line may be a secret.
        lines = ", ".join(str(number) for number, _ in error.errors)
        why = f"Line {lines} is neither a section, a comment nor KEY = VALUE."
        raise _unreadable(path, why) from None
    except configparser.DuplicateSectionError as error:
        raise _unreadable(path, f"The section [{error.section}] is there twice.") from None
    except configparser.DuplicateOptionError as error:
        raise _unreadable(path, f"[{error.section}] has {error.option} twice.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise _unreadable(path, f"{type(error).__name__}.") from None
    return {name: _section(path, parser, name) for name in parser.sections()}


def _section(path: str, parser: configparser.RawConfigParser, name: str) -> Section:
    section: dict[str, Value] = {}
    for key in parser.options(name):
        value = parser.get(name, key)
        section[key] = _block(path, name, key, value) if value.startswith("\n") else value
    return section


def _block(path: str, section: str, key: str, text: str) -> Mapping[str, str]:
    pairs = [line.partition("=") for line in map(str.strip, text.splitlines()) if line]
    if not all(equals for _, equals, _ in pairs):
        raise _unreadable(path, f"A line below {key} in [{section}] is not KEY = VALUE.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _unreadable(path: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path} cannot be read.", why, "Correct the file.")
