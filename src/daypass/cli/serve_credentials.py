"""`daypass serve-credentials`, and `daypass exec --server`: credentials that SDKs renew."""

import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click

from daypass.cli.failure import Failure
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import output_option
from daypass.cli.present import print_json, printable
from daypass.cli.serving import end_of_service
from daypass.client.local.handing_on import Kind, Served, Serving, served_environment, serving
from daypass.client.local.peers import tells_users_apart
from daypass.client.local.vending import COMFORT

_FORWARDED: Final = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


@click.command("serve-credentials")
@click.option(
    "--server",
    "kind",
    type=click.Choice([kind.value for kind in Kind]),
    default=Kind.CONTAINER.value,
    show_default=True,
    help="The container endpoint with a token, or EC2 instance metadata, version 2.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="[default: a free one]")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, resolve_path=True),
    help="Write the container endpoint's token there, for its owner alone.",
)
@click.option(
    "--any-user",
    is_flag=True,
    help="Serve every user of this machine, where the system cannot tell them apart.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of each request on stderr.")
@identity_options
@output_option
def serve_credentials(
    kind: str,
    port: int,
    token_file: Path | None,
    any_user: bool,
    quiet: bool,
    who: Identity,
    output: str,
) -> None:
    """Serve temporary credentials on this machine's loopback address, until it is interrupted.

    Programs with any AWS SDK renew them by themselves. What they need is printed, for `eval` or,
    with --output json, for programs. Other users of the machine are refused.

    \b
    Examples:
      daypass serve-credentials --role arn:aws:iam::111122223333:role/reader
      daypass serve-credentials --server imds --port 1338 --profile dev
    """
    how = _serving(Kind(kind), who, port, token_file, any_user)
    with end_of_service() as wait_for_end, _served(who, how, quiet) as served:
        _announce(served, output)
        wait_for_end()


def _serving(
    kind: Kind,
    who: Identity,
    port: int = 0,
    token_file: Path | None = None,
    any_user: bool = False,
) -> Serving:
    if kind is Kind.IMDS and not any_user and not tells_users_apart():
        raise Failure(
            "Instance metadata is not served here.",
            "This system does not say which user connects, and instance metadata has no secret "
            "that a client must know.",
            "Use --server container, or --any-user if nobody else is on this machine.",
        )
    role = who.role.role_arn.rpartition("/")[2] if who.role else "daypass"
    return Serving(kind, port, role, who.region(), token_file, any_user)


@contextmanager
def _served(who: Identity, how: Serving, quiet: bool) -> Iterator[Served]:
    def log(method: str, path: str, status: int) -> None:
        if not quiet:
            click.echo(f"{status}  {method} {printable(path[:200])}", err=True)

    with ExitStack() as opened:
        try:
            served = opened.enter_context(serving(who.renewed(COMFORT), how, log))
        except OSError as error:
            what = f"Credentials cannot be served on port {how.port}."
            raise Failure(what, f"{error}.", "Choose another --port or --token-file.") from error
        yield served


def _announce(served: Served, output: str) -> None:
    if output == "json":
        print_json({"Url": served.url, "Server": served.kind, "Environment": served.variables})
        return
    for name, value in served.variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo("Serving credentials; Ctrl-C ends it.", err=True)


def run_with_server(
    command: Sequence[str], kind: Kind, who: Identity, environ: Mapping[str, str]
) -> int:
    """Run a command while an endpoint serves credentials to it; its exit code, as shells count
    it. environ: without the variables that name other credentials. Raises `Failure`, `OSError`
    if it cannot be run."""
    how = _serving(kind, who)
    with tempfile.TemporaryDirectory(prefix="daypass-") as directory:
        empty = Path(directory) / "empty"
        empty.touch()
        with _served(who, how, quiet=True) as served:
            return _run(command, served_environment(environ, served, empty))


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    came: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, _frame: FrameType | None) -> None:
        if child is None:
            came.append(number)
        else:
            child.send_signal(number)

    # Before there is a command: no signal may end this process and leave the command behind.
    for name in _FORWARDED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), forward)
    # The terminal interrupts the command, too; it decides what that means. Not ignored: the
    # command would inherit that.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    child = subprocess.Popen(command, env=environment)  # noqa: S603 - the user's own
    for number in came:
        child.send_signal(number)
    code = child.wait()
    return code if code >= 0 else 128 - code


COMMANDS: Final = {"serve-credentials": serve_credentials}
