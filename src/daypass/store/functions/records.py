"""A function as the rest of the server sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from daypass.policy import PolicySet


@dataclass(frozen=True, slots=True)
class Code:
    """A deployment package. sha256: hex digest of the zip. size: its bytes. blob: where it is."""

    sha256: str
    size: int
    blob: str


# Of a function that is being made.
NO_CODE: Final = Code("", 0, "")


@dataclass(frozen=True, slots=True)
class Cors:
    """What a Function URL tells browsers; None is what was not configured. max_age: seconds."""

    allow_credentials: bool | None = None
    allow_headers: Sequence[str] | None = None
    allow_methods: Sequence[str] | None = None
    allow_origins: Sequence[str] | None = None
    expose_headers: Sequence[str] | None = None
    max_age: int | None = None


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """A Function URL. auth_type: "AWS_IAM" or "NONE". created, modified: Unix seconds."""

    url_id: str
    function: str
    auth_type: str
    invoke_mode: str
    cors: Cors | None
    created: float
    modified: float


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a function's policy, as JSON, with users and roles as unique ids."""

    statement_id: str
    document: str


def policy_text(statements: Sequence[Statement]) -> str:
    """The policy document that these statements are."""
    documents = ",".join(statement.document for statement in statements)
    return f'{{"Version":"2012-10-17","Id":"default","Statement":[{documents}]}}'


@dataclass(frozen=True, slots=True)
class Function:
    """A function. timeout: seconds. memory_size, ephemeral_storage: MB. modified: Unix seconds.

    revision_id changes with every change to its code, configuration or policy.
    """

    name: str
    revision_id: str
    runtime: str
    role_arn: str
    handler: str
    description: str
    timeout: int
    memory_size: int
    ephemeral_storage: int
    architecture: str
    variables: Mapping[str, str] | None = field(repr=False)
    code: Code
    reserved_concurrency: int | None
    tags: Mapping[str, str]
    modified: float
    statements: Sequence[Statement] = ()
    policy: PolicySet | None = None
    url: FunctionUrl | None = None
