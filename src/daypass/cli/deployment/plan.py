"""What is to be deployed: one function with all that belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Url:
    """A Function URL. auth_type: "AWS_IAM" or "NONE". cors: as CreateFunctionUrlConfig takes it."""

    auth_type: str
    invoke_mode: str = "BUFFERED"
    cors: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One function.

    source: the file or directory of its code. role: the ARN of a role there is, None to make one,
    which then allows what policies (name to document) and managed (ARNs) say. settings: further
    members of CreateFunction. concurrency: reserved, None to leave it as it is.
    """

    name: str
    source: Path
    runtime: str
    handler: str
    role: str | None = None
    policies: Mapping[str, str] = field(default_factory=dict)
    managed: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout: int = 30
    memory: int = 256
    url: Url | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    concurrency: int | None = None
