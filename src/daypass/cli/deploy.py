"""`daypass deploy`: a file, a directory or a template becomes functions, with roles and URLs."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import click
from botocore.session import Session

from daypass.cli.deployment.deploying import Deployment
from daypass.cli.deployment.packing import Packer, find_entry
from daypass.cli.deployment.plan import Plan, Url
from daypass.cli.deployment.watching import changes
from daypass.cli.failure import failure_of
from daypass.cli.options import TextOrFile, connection_options, output_option
from daypass.cli.present import print_fields, print_json
from daypass.client import environment_region

_TEMPLATES: Final = ("template.yaml", "template.yml")
_AUTH_TYPES: Final = {"iam": "AWS_IAM", "none": "NONE"}


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, resolve_path=True))
@click.option("--name", help="Of the function.  [default: the file's or directory's, - for _]")
@click.option(
    "--url",
    type=click.Choice(["iam", "none"]),
    help="Give it a URL: for signed callers (iam), or for everybody (none).",
)
@click.option("--stream", is_flag=True, help="The URL streams what the function streams.")
@click.option("--role", metavar="ARN", help="Its execution role.  [default: one of its own]")
@click.option("--policy", type=TextOrFile(), help="What its own role allows, as a policy.")
@click.option("--runtime", help="[default: python3.12, nodejs22.x or provided.al2023]")
@click.option("--handler", help="[default: FILE.handler, or what the module defines]")
@click.option("--env", "variables", metavar="NAME=VALUE", multiple=True)
@click.option("--timeout", type=click.IntRange(1, 900), default=30, show_default=True, help="s")
@click.option(
    "--memory", type=click.IntRange(128, 10240), default=256, show_default=True, help="MB"
)
@click.option(
    "--parameter", "parameters", metavar="NAME=VALUE", multiple=True, help="Of a template."
)
@click.option("--watch", is_flag=True, help="Go on, and deploy again what changes.")
@connection_options
@output_option
def deploy(
    source: Path,
    name: str | None,
    url: str | None,
    stream: bool,
    role: str | None,
    policy: str | None,
    runtime: str | None,
    handler: str | None,
    variables: tuple[str, ...],
    timeout: int,
    memory: int,
    parameters: tuple[str, ...],
    watch: bool,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    output: str,
) -> None:
    """Make or update a function of SOURCE, with its role and its URL, and print them.

    SOURCE is a module, a zip, or a directory, whose requirements.txt or package.json is installed
    into the package by pip or npm. A template.yaml (AWS SAM, a part of it) says all of this itself,
    for several functions.

    \b
    Examples:
      daypass deploy hello.py --url iam
      daypass deploy ./service --env STAGE=dev --watch
      daypass deploy template.yaml --parameter Stage=dev
    """
    say = _say if output == "text" else _say_nothing
    session = Session(profile=profile)
    where = {"region_name": region or environment_region(), "endpoint_url": endpoint_url}
    template = _template(source)

    def read_plans() -> list[Plan]:
        if template is not None:
            given = dict(_pair(text, "--parameter") for text in parameters)
            return _read_template(template, given, session, where)
        found = (runtime, handler) if runtime and handler else find_entry(source)
        plan = Plan(
            name=name or source.stem.replace("_", "-"),
            source=source,
            runtime=runtime or str(found[0]),
            handler=handler or str(found[1]),
            role=role,
            policies={} if policy is None else {"deployed": policy},
            variables=dict(_pair(text, "--env") for text in variables),
            timeout=timeout,
            memory=memory,
            url=_url(url, stream),
        )
        return [plan]

    iam, functions = (session.create_client(one, **where) for one in ("iam", "lambda"))
    with closing(Packer(say)) as packer:
        work = _Work(read_plans, packer, Deployment(iam, functions, say), output)
        work.deploy()
        if watch:
            say("watching for changes; Ctrl-C ends it")
            for changed in changes([*work.sources(), *([template] if template else [])]):
                names = ", ".join(path.name for path in changed[:3])
                say(f"{time.strftime('%H:%M:%S')} changed: {names}")
                work.deploy_again()


class _Work:
    """What is deployed, and was."""

    def __init__(
        self,
        read_plans: Callable[[], list[Plan]],
        packer: Packer,
        deployment: Deployment,
        output: str,
    ) -> None:
        self._read_plans = read_plans
        self._packer = packer
        self._deployment = deployment
        self._output = output
        self._there: dict[str, tuple[Plan, bytes]] = {}

    def sources(self) -> list[Path]:
        return [plan.source for plan, _ in self._there.values()]

    def deploy(self) -> None:
        """Bring about what differs from what was deployed before."""
        plans = self._read_plans()
        packages = [self._packer.pack(plan.source) for plan in plans]
        for plan, package in zip(plans, packages, strict=True):
            old = self._there.get(plan.name)
            if old is None or old[0] != plan:
                self._print(self._deployment.run(plan, package))
            elif old[1] != package:
                self._deployment.update_code(plan, package)
                self._print({"Function": plan.name, "Action": "updated"})
            self._there[plan.name] = plan, package

    def deploy_again(self) -> None:
        """The same, but what fails is said, and the next change is another try."""
        try:
            self.deploy()
        except click.ClickException as failure:
            failure.show()
        except Exception as error:
            failure_of(error).show()

    def _print(self, result: dict[str, object]) -> None:
        if self._output == "json":
            print_json(result)
        else:
            print_fields({label: str(value) for label, value in result.items()})


def _read_template(
    path: Path, given: dict[str, str], session: Session, where: dict[str, str | None]
) -> list[Plan]:
    # Its reader needs a YAML library, which the rest does without.
    from daypass.cli.deployment.template import read_template  # noqa: PLC0415

    account = session.create_client("sts", **where).get_caller_identity()["Account"]
    region = where["region_name"] or session.get_config_variable("region") or "us-east-1"
    return read_template(path, given, region, account)


def _template(source: Path) -> Path | None:
    if source.suffix in {".yaml", ".yml"}:
        return source
    if source.is_dir():
        return next((source / name for name in _TEMPLATES if (source / name).is_file()), None)
    return None


def _url(kind: str | None, stream: bool) -> Url | None:
    if kind is None:
        return None
    return Url(_AUTH_TYPES[kind], "RESPONSE_STREAM" if stream else "BUFFERED")


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint=option)
    return name, value


def _say(text: str) -> None:
    click.echo(click.style(text, dim=True), err=True)


def _say_nothing(_text: str) -> None:
    pass


COMMANDS: Final = {"deploy": deploy}
