"""The configuration files: there, readable, private, and each profile in them usable."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from daypass.client.config import Configuration
from daypass.client.errors import ClientError
from daypass.client.health.findings import Finding, note, ok, problem
from daypass.client.providers.chain import find_source
from daypass.client.settings import Settings

_OTHERS_READ: Final = 0o044
_OTHERS_WRITE: Final = 0o022


def check_files(configuration: Configuration) -> Iterator[Finding]:
    """Both files, and who else can get at them."""
    for about, path in (
        ("config file", Path(configuration.config_path)),
        ("credentials file", Path(configuration.credentials_path)),
    ):
        try:
            found = path.stat()
        except FileNotFoundError:
            yield ok(about, f"{path} does not exist, and need not.")
            continue
        except OSError as error:
            yield problem(about, f"{path} cannot be read: {error.strerror}.")
            continue
        yield from _permissions(about, path, found)
        yield ok(about, f"{path} is understood.")


def _permissions(about: str, path: Path, found: os.stat_result) -> Iterator[Finding]:
    if os.name != "posix" or not stat.S_ISREG(found.st_mode):
        return
    if found.st_mode & _OTHERS_WRITE:
        # Whoever can write there names a credential_process, and so runs what they like.
        yield problem(about, f"Other users can write to {path}.", f"chmod go-w {path}")
    if about == "credentials file" and found.st_mode & _OTHERS_READ:
        yield problem(about, f"Other users can read {path}, which holds keys.", f"chmod 600 {path}")


def check_profiles(settings: Settings) -> Iterator[Finding]:
    """Each profile, without asking anybody for credentials."""
    count = 0
    for name, section in settings.configuration.profiles.items():
        about = f"profile {name}"
        duration = section.get("duration_seconds")
        if isinstance(duration, str) and not duration.strip().isdecimal():
            yield note(
                about,
                f"Its duration_seconds, {duration!r}, is no number: AWS's tools take no notice.",
                "Give seconds, 900 to 43200.",
            )
        if "role_arn" in section and "credential_process" in section:
            yield note(
                about,
                "It has role_arn and credential_process: the process does not count.",
                "Put the process into the profile that source_profile names.",
            )
        services = section.get("services")
        if isinstance(services, str) and not settings.configuration.services.get(services):
            yield problem(
                about,
                f"It names [services {services}], which there is not.",
                "Add the section, or take the key `services` out of the profile.",
            )
        try:
            find_source(replace(settings, profile=name))
        except ClientError as error:
            yield problem(about, f"{error.what} {error.why}".strip(), error.remedy)
        else:
            count += 1
    if count:
        yield ok("profiles", f"{count} can be used, as far as the files say.")
