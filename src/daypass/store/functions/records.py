"""A function as the rest of the server sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from daypass.policy import PolicySet

LATEST: Final = "$LATEST"


@dataclass(frozen=True, slots=True)
class Code:
    """A deployment package. sha256: hex digest of the zip. size: its bytes. blob: where it is.

    unpacked: the bytes of its files, 0 where an older version of the server did not count them.
    """

    sha256: str
    size: int
    blob: str
    unpacked: int = 0


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
    """A Function URL. auth_type: "AWS_IAM" or "NONE". created, modified: Unix seconds.

    qualifier: an alias's name, "" for the function itself, None where its alias was deleted.
    """

    url_id: str
    function: str
    qualifier: str | None
    auth_type: str
    invoke_mode: str
    cors: Cors | None
    created: float
    modified: float


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a resource policy, as JSON, with users and roles as unique ids."""

    statement_id: str
    document: str


def policy_text(statements: Sequence[Statement]) -> str:
    """The policy document that these statements are."""
    documents = ",".join(statement.document for statement in statements)
    return f'{{"Version":"2012-10-17","Id":"default","Statement":[{documents}]}}'


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """A resource policy. compiled: None where it cannot be read, and so grants nothing."""

    statements: Sequence[Statement]
    compiled: PolicySet | None


NO_POLICY: Final = ResourcePolicy((), None)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer's version as a function uses it."""

    arn: str
    code: Code


@dataclass(frozen=True, slots=True)
class Logging:
    """How a version logs. format: "Text" or "JSON". level, system_level: of JSON, else "".

    group: "" for the usual log group.
    """

    format: str = "Text"
    level: str = ""
    system_level: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """Code and configuration: `LATEST`, or a published version by its number, which never changes.

    timeout: seconds. memory_size, ephemeral_storage: MB. modified: Unix seconds. revision_id
    changes with every change to code, configuration or policy, content_id to code or
    configuration.
    """

    function: str
    version: str
    revision_id: str
    content_id: str
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
    modified: float
    layers: Sequence[Layer] = ()
    logging: Logging = field(default_factory=Logging)


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for a version. weights: of other versions, the share of invocations, 0 to 1."""

    function: str
    name: str
    version: str
    description: str
    weights: Mapping[str, float]
    revision_id: str


@dataclass(frozen=True, slots=True)
class EventConfig:
    """What becomes of asynchronous events. qualifier: `LATEST`, a version or an alias.

    retries: at most, after the first attempt; longest_age: seconds; None where Lambda's default
    holds. on_success, on_failure: ARNs, "" for none. modified: Unix seconds.
    """

    function: str
    qualifier: str
    retries: int | None
    longest_age: int | None
    on_success: str
    on_failure: str
    modified: float


@dataclass(frozen=True, slots=True)
class Function:
    """A function: $LATEST, what was published of it, and what holds for all of it.

    versions, aliases: by number and by name, in order. policies, urls: by qualifier, "" for the
    function itself. event_configs: by qualifier, `LATEST` for the function itself.
    """

    name: str
    latest: Version
    reserved_concurrency: int | None
    tags: Mapping[str, str]
    versions: Mapping[str, Version] = field(default_factory=dict)
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    policies: Mapping[str, ResourcePolicy] = field(default_factory=dict)
    urls: Mapping[str, FunctionUrl] = field(default_factory=dict)
    event_configs: Mapping[str, EventConfig] = field(default_factory=dict)

    def find(self, qualifier: str) -> Version | None:
        """The version that a qualifier names; an alias's first, "" for $LATEST."""
        alias = self.aliases.get(qualifier)
        version = qualifier if alias is None else alias.version
        return self.latest if version in {"", LATEST} else self.versions.get(version)


def version_number(version: str) -> int:
    """How the tables name a version: 0 is $LATEST."""
    return 0 if version == LATEST else int(version)


def version_name(number: int) -> str:
    return str(number) if number else LATEST
