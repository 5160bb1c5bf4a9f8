"""`daypass deploy`: a file becomes a function, with a role and a URL."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.session import Session

from daypass.cli.options import TextOrFile, connection_options, output_option
from daypass.cli.present import print_fields, print_json
from daypass.client import environment_region

T = TypeVar("T")

_RUNTIMES: Final = {".py": "python3.12", ".mjs": "nodejs22.x", ".js": "nodejs22.x"}
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
_LOGS: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        }
    ],
}
# A new role is not known everywhere at once on AWS; a function that is being changed refuses
# further changes for a moment.
_PATIENCE: Final = 60.0
_PASSING: Final = ("cannot be assumed by Lambda", "update is in progress", "state: Pending")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be deployed."""

    name: str
    package: bytes
    runtime: str
    handler: str
    role: str | None
    policy: str | None
    variables: Mapping[str, str]
    timeout: int
    memory: int
    url: str | None


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Of the function.  [default: the file's, with - for _]")
@click.option(
    "--url",
    type=click.Choice(["iam", "none"]),
    help="Give it a URL: for signed callers (iam), or for everybody (none).",
)
@click.option("--role", metavar="ARN", help="Its execution role.  [default: one of its own]")
@click.option("--policy", type=TextOrFile(), help="What its own role allows, as a policy.")
@click.option("--runtime", help="[default: python3.12, or nodejs22.x]")
@click.option("--handler", help="[default: FILE.handler]")
@click.option("--env", "variables", metavar="NAME=VALUE", multiple=True)
@click.option("--timeout", type=click.IntRange(1, 900), default=30, show_default=True, help="s")
@click.option(
    "--memory", type=click.IntRange(128, 10240), default=256, show_default=True, help="MB"
)
@connection_options
@output_option
def deploy(
    file: Path,
    name: str | None,
    url: str | None,
    role: str | None,
    policy: str | None,
    runtime: str | None,
    handler: str | None,
    variables: tuple[str, ...],
    timeout: int,
    memory: int,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
) -> None:
    """Make or update a function of FILE, with its role and its URL, and print them.

    \b
    Example: daypass deploy hello.py --url iam
    """
    plan = Plan(
        name=name or file.stem.replace("_", "-"),
        package=_package(file),
        runtime=runtime or _runtime(file),
        handler=handler or f"{file.stem}.handler",
        role=role,
        policy=policy,
        variables=dict(_variable(text) for text in variables),
        timeout=timeout,
        memory=memory,
        url=url,
    )
    session = Session(profile=profile)
    where = {"region_name": region or environment_region(), "endpoint_url": endpoint_url}
    result = _Deployment(
        session.create_client("iam", **where),
        session.create_client("lambda", **where),
        _say if output == "text" else _say_nothing,
    ).run(plan)
    if output == "json":
        print_json(result)
    else:
        print_fields({label: str(value) for label, value in result.items()})


def _say(text: str) -> None:
    click.echo(click.style(text, dim=True), err=True)


def _say_nothing(_text: str) -> None:
    pass


def _package(file: Path) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed time: the same file makes the same package, and so the same code hash.
        entry = zipfile.ZipInfo(file.name, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, file.read_bytes())
    return memory.getvalue()


def _runtime(file: Path) -> str:
    if file.suffix not in _RUNTIMES:
        raise click.UsageError(
            f"No runtime is known for {file.name}: it is no .py, .js or .mjs. Give --runtime."
        )
    return _RUNTIMES[file.suffix]


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--env")
    return name, value


class _Deployment:
    """Brings IAM and Lambda to what a plan says; run again, it changes what differs."""

    def __init__(self, iam: BaseClient, functions: BaseClient, say: Callable[[str], None]) -> None:
        self._iam = iam
        self._lambda = functions
        self._say = say

    def run(self, plan: Plan) -> dict[str, object]:
        role = plan.role or self._own_role(plan)
        function, made = self._function(plan, role)
        result: dict[str, object] = {
            "Function": function,
            "Role": role,
            "Action": "created" if made else "updated",
        }
        if plan.url:
            result["Url"] = self._url(plan)
        return result

    def _own_role(self, plan: Plan) -> str:
        name = f"{plan.name}-role"
        arn = _unless(
            "EntityAlreadyExists",
            lambda: str(
                self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))[
                    "Role"
                ]["Arn"]
            ),
        )
        if arn is None:
            self._say(f"role {name} is there")
            arn = str(self._iam.get_role(RoleName=name)["Role"]["Arn"])
        else:
            self._say(f"role {name} created")
        self._iam.put_role_policy(
            RoleName=name, PolicyName="logs", PolicyDocument=json.dumps(_LOGS)
        )
        if plan.policy is not None:
            self._iam.put_role_policy(
                RoleName=name, PolicyName="deployed", PolicyDocument=plan.policy
            )
            self._say(f"policy of {name} set")
        return arn

    def _function(self, plan: Plan, role: str) -> tuple[str, bool]:
        settings = {
            "FunctionName": plan.name,
            "Runtime": plan.runtime,
            "Role": role,
            "Handler": plan.handler,
            "Timeout": plan.timeout,
            "MemorySize": plan.memory,
            "Environment": {"Variables": dict(plan.variables)},
        }
        self._say(f"uploading {len(plan.package):,} bytes for {plan.name}")
        made = _unless(
            "ResourceConflictException",
            lambda: self._patiently(
                lambda: self._lambda.create_function(**settings, Code={"ZipFile": plan.package})
            ),
            message="already exist",
        )
        if made is None:
            self._patiently(
                lambda: self._lambda.update_function_code(
                    FunctionName=plan.name, ZipFile=plan.package
                )
            )
            made = self._patiently(lambda: self._lambda.update_function_configuration(**settings))
            self._say(f"function {plan.name} updated")
            return str(made["FunctionArn"]), False
        self._say(f"function {plan.name} created")
        return str(made["FunctionArn"]), True

    def _patiently(self, change: Callable[[], T]) -> T:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                return change()
            except ClientError as error:
                message = error.response["Error"]["Message"]
                passing = any(text in message for text in _PASSING)
                if not passing or time.monotonic() > end:
                    raise
                self._say(f"waiting: {message}")
                time.sleep(2)

    def _url(self, plan: Plan) -> str:
        kind = "AWS_IAM" if plan.url == "iam" else "NONE"
        answer: Mapping[str, Any] | None = _unless(
            "ResourceConflictException",
            lambda: self._lambda.create_function_url_config(FunctionName=plan.name, AuthType=kind),
        )
        if answer is None:
            answer = self._lambda.update_function_url_config(FunctionName=plan.name, AuthType=kind)
        if kind == "NONE":
            self._let_everybody_call(plan.name)
        return str(answer["FunctionUrl"])

    def _let_everybody_call(self, name: str) -> None:
        # The two statements that Lambda's console writes, by their names there.
        statements: Mapping[str, Mapping[str, object]] = {
            "FunctionURLAllowPublicAccess": {
                "Action": "lambda:InvokeFunctionUrl",
                "FunctionUrlAuthType": "NONE",
            },
            "FunctionURLAllowInvokeAction": {
                "Action": "lambda:InvokeFunction",
                "InvokedViaFunctionUrl": True,
            },
        }
        for statement, permission in statements.items():
            add = partial(
                self._lambda.add_permission,
                FunctionName=name,
                StatementId=statement,
                Principal="*",
                **permission,
            )
            _unless("ResourceConflictException", add)


def _unless(code: str, change: Callable[[], T], message: str = "") -> T | None:
    """What the change gives, or None if AWS refuses it with this code: it was made before."""
    try:
        return change()
    except ClientError as error:
        refusal = error.response["Error"]
        if refusal["Code"] == code and message in refusal["Message"]:
            return None
        raise


COMMANDS: Final = {"deploy": deploy}
