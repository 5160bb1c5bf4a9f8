"""The most used of AWS's own managed policies, with the documents AWS publishes.

The documents are data of AWS's, as moto (Apache-2.0) collects them. They are read once, at the
first look-up.
"""

import base64
import datetime
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from daypass.store.identity.records import ManagedPolicy

PREFIX: Final = "arn:aws:iam::aws:policy/"
_DATA: Final = Path(__file__).with_name("aws_managed.json")


@cache
def aws_managed_policies() -> Mapping[str, ManagedPolicy]:
    """AWS's managed policies by ARN."""
    policies: dict[str, ManagedPolicy] = {}
    for entry in json.loads(_DATA.read_text(encoding="utf-8")):
        arn = f"arn:aws:iam::aws:policy{entry['path']}{entry['name']}"
        updated = _seconds(entry["updated"])
        policies[arn] = ManagedPolicy(
            id=_policy_id(arn),
            name=entry["name"],
            path=entry["path"],
            arn=arn,
            description=None,
            created=_seconds(entry["created"]),
            updated=updated,
            tags={},
            default_version=entry["version"],
            versions={entry["version"]: updated},
            document=json.dumps(entry["document"], separators=(",", ":")),
            of_aws=True,
        )
    return policies


def _seconds(timestamp: str) -> int:
    return int(datetime.datetime.fromisoformat(timestamp).timestamp())


def _policy_id(arn: str) -> str:
    # AWS does not publish the ids; these are in its form, and the same on every server.
    return "ANPA" + base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()[:17]
