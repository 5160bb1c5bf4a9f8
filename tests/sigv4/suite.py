"""The AWS signing test suite, read where it stands: beside the checkout, not in the project."""

import calendar
import json
import time
from dataclasses import dataclass
from pathlib import Path

from daypass.sigv4 import Credentials

ROOT = Path(__file__).parents[3] / "shared" / "vectors" / "aws-signing-test-suite"


@dataclass(frozen=True)
class Message:
    method: str
    target: str
    fields: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Case:
    folder: Path
    credentials: Credentials
    service: str
    region: str
    now: float
    expires: int
    normalize: bool
    sign_body: bool
    omit_session_token: bool

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def message(self, name: str) -> Message:
        """The request line may hold raw blanks and UTF-8; header lines may be folded."""
        head, _, body = self.text(name).partition("\n\n")
        first, *lines = head.split("\n")
        method, _, target = first.removesuffix(" HTTP/1.1").partition(" ")
        fields: list[tuple[str, str]] = []
        for line in filter(None, lines):
            if line[0] in " \t":
                fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
            else:
                field, _, value = line.partition(":")
                fields.append((field, value))
        return Message(method, target, fields, body.encode())


def cases(version: str) -> list[Case]:
    """The complete cases of "v4" or "v4a"; none where the suite is absent."""
    folders = sorted((ROOT / version).iterdir()) if ROOT.is_dir() else []
    return [_case(folder) for folder in folders if (folder / "header-signature.txt").exists()]


def _case(folder: Path) -> Case:
    context = json.loads((folder / "context.json").read_text())
    keys = context["credentials"]
    return Case(
        folder,
        Credentials(keys["access_key_id"], keys["secret_access_key"], keys.get("token")),
        context["service"],
        context["region"],
        float(calendar.timegm(time.strptime(context["timestamp"], "%Y-%m-%dT%H:%M:%SZ"))),
        context["expiration_in_seconds"],
        context["normalize"],
        context["sign_body"],
        context.get("omit_session_token", False),
    )
