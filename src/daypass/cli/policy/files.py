"""Policies in files: one document a file, or every `.json` file of a directory."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from daypass.cli.failure import USAGE, Failure
from daypass.policy import Policy, PolicyError, PolicyKind, parse_policy


def policy_files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files, and those of the directories, each directory in the order of names."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(each for each in path.iterdir() if each.suffix == ".json")
        if not found:
            raise Failure(
                f"{path} holds no policy.",
                "Of a directory, the files that end in .json are read.",
                exit_code=USAGE,
            )
        yield from found


def read_text(path: Path) -> str:
    """The text of a file; `-` is standard input."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "It is not UTF-8 text"
        raise Failure(f"{path} cannot be read.", f"{why}.", exit_code=USAGE) from error


def read_policies(paths: tuple[Path, ...], kind: PolicyKind) -> list[Policy]:
    """The policies of the files, named after them. Raises `Failure` for one that AWS refuses."""
    return [_parse(read_text(path), kind, path) for path in policy_files(paths)]


def _parse(text: str, kind: PolicyKind, path: Path) -> Policy:
    try:
        return parse_policy(text, kind, label=str(path))
    except PolicyError as error:
        raise Failure(
            f"{path} is no {kind} policy that AWS takes.",
            f"{error.message} ({error.path}{f': {error.detail}' if error.detail else ''})",
            f"daypass policy lint --kind {kind} {path}",
            error.code,
            USAGE,
        ) from error


def kind_of(text: str) -> PolicyKind:
    """What a document is by its looks: one that names principals is a resource's policy, or a
    role's trust policy if it has no resources; any other is an identity's."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return PolicyKind.IDENTITY
    written = document.get("Statement") if isinstance(document, dict) else None
    listed = written if isinstance(written, list) else [written]
    statements = [each for each in listed if isinstance(each, dict)]
    if not any({"Principal", "NotPrincipal"} & each.keys() for each in statements):
        return PolicyKind.IDENTITY
    if any({"Resource", "NotResource"} & each.keys() for each in statements):
        return PolicyKind.RESOURCE
    return PolicyKind.TRUST
