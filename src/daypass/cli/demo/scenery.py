"""What the steps do again and again, each through the real AWS CLI."""

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from daypass.cli.demo.stage import Answer, Show, Stage, UnexpectedError
from daypass.sigv4 import Credentials

BUCKET: Final = "fileserver"
KEYS: Final = ["reports/2026/january.csv", "welcome.txt"]

Document = Mapping[str, object]


def done(answer: Answer) -> dict[str, object]:
    """The answer's JSON, {} without any. Raises `UnexpectedError` if it is a refusal."""
    if not answer.ok:
        raise UnexpectedError(f"what should work was refused: {answer.text[:200]}")
    return answer.json() if answer.text.startswith("{") else {}


def text_at(value: object, *path: str) -> str:
    """The text at this path of member names. Raises `UnexpectedError`."""
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise UnexpectedError(f"The answer has no {'.'.join(path)}.")
        value = value[name]
    return str(value)


# -- policies and roles ----------------------------------------------------------------------------


def allow(actions: Sequence[str], resources: str | Sequence[str]) -> Document:
    """A policy that allows these actions on these resources."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {"Version": "2012-10-17", "Statement": [statement]}


def trusts(**principal: str | Sequence[str]) -> Document:
    """A trust policy: this principal may assume the role."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def reading_the_bucket() -> Document:
    """A policy for listing the bucket and getting its objects."""
    return allow(
        ["s3:ListBucket", "s3:GetObject"], [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    )


def role_arn(stage: Stage, name: str) -> str:
    return f"arn:aws:iam::{stage.account_id}:role/{name}"


def make_role(stage: Stage, name: str, trust: Document, policy: Document | None = None) -> str:
    """Create a role as root, with a policy of its own; the ARN."""
    done(
        stage.aws(
            *("iam", "create-role", "--role-name", name),
            *("--assume-role-policy-document", json.dumps(trust), "--query", "Role.Arn"),
            who=stage.root,
        )
    )
    if policy is not None:
        done(
            stage.aws(
                *("iam", "put-role-policy", "--role-name", name, "--policy-name", "own"),
                *("--policy-document", json.dumps(policy)),
                who=stage.root,
            )
        )
    return role_arn(stage, name)


def assume(
    stage: Stage,
    who: Credentials,
    role: str,
    session_name: str,
    policy: Document | None = None,
    duration: int | None = None,
) -> Credentials:
    """`aws sts assume-role`; the session's credentials."""
    options: list[str] = []
    if policy is not None:
        options += ["--policy", json.dumps(policy)]
    if duration is not None:
        options += ["--duration-seconds", str(duration)]
    answer = done(
        stage.aws(
            *("sts", "assume-role", "--role-arn", role_arn(stage, role)),
            *("--role-session-name", session_name, *options),
            who=who,
        )
    )
    session = Credentials(
        text_at(answer, "Credentials", "AccessKeyId"),
        text_at(answer, "Credentials", "SecretAccessKey"),
        text_at(answer, "Credentials", "SessionToken"),
    )
    stage.names[session.access_key_id] = f"the session {role}/{session_name}"
    return session


# -- functions -------------------------------------------------------------------------------------


def package(stage: Stage, program: str) -> Path:
    """A zip archive with one of the example programs."""
    return _archive(stage, program, [(stage.examples / program, Path(program).name)])


def node_package(stage: Stage, program: str) -> Path:
    """A zip archive with a Node.js program and its packages."""
    assert stage.node_modules is not None
    root = stage.node_modules
    modules = [
        (path, str(path.relative_to(root)))
        for path in sorted((root / "node_modules").rglob("*"))
        if path.suffix in {".js", ".cjs", ".mjs", ".json"} and path.is_file()
    ]
    return _archive(stage, program, [(stage.examples / "node" / program, program), *modules])


def _archive(stage: Stage, program: str, files: Iterable[tuple[Path, str]]) -> Path:
    target = stage.work / f"{Path(program).stem}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in files:
            archive.write(path, name)
    return target


def make_function(
    stage: Stage, name: str, code: Path, runtime: str, handler: str, role: str, **variables: str
) -> None:
    """`aws lambda create-function`, as root."""
    environment = {"Variables": {"BUCKET": BUCKET, **variables}}
    done(
        stage.aws(
            *("lambda", "create-function", "--function-name", name, "--runtime", runtime),
            *("--role", role, "--handler", handler, "--zip-file", f"fileb://{code.name}"),
            *("--timeout", "30", "--memory-size", "256"),
            *("--environment", json.dumps(environment)),
            *("--query", "[FunctionArn,Role]"),
            who=stage.root,
        )
    )


def invoke(stage: Stage, name: str) -> dict[str, object]:
    """`aws lambda invoke`, as root; what the function returned."""
    target = stage.work / f"{name}.json"
    done(
        stage.aws(
            *("lambda", "invoke", "--function-name", name, target.name),
            who=stage.root,
            show=Show.COMMAND,
        )
    )
    returned = target.read_text(encoding="utf-8")
    stage.screen.answer(returned)
    return Answer(ok=True, text=returned).json()


def same_keys(text: str) -> bool:
    """Whether a JSON list names exactly the bucket's keys."""
    try:
        return bool(json.loads(text) == KEYS)
    except ValueError:
        return False
