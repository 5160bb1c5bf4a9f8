"""`daypass call`: a signed HTTP request, with curl's everyday options."""

import base64
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import click

from daypass import __version__
from daypass.cli.failure import Failure
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import output_option
from daypass.cli.present import print_json, printable
from daypass.cli.request import GivenRequest, request_options
from daypass.cli.tls import trusting
from daypass.cli.written import ABOUT_TOKENS, as_curl, as_http, redacted, redacted_url
from daypass.client import Scope, SignatureRefusedError, resolve
from daypass.client.call.asked import Asked
from daypass.client.signer import Signer

if TYPE_CHECKING:
    import httpx

    from daypass.client.call.sending import Deadline, Patience

_EXPLANATION: Final = "x-daypass-explanation"
_LARGE: Final = 1024 * 1024  # bytes of a file whose progress is shown
_EXCERPT: Final = 500  # characters of a body in an error
_ENCODINGS: Final = "gzip, deflate"


@dataclass(frozen=True, slots=True)
class Printing:
    """How the answer is printed. fail: as an error, where it is one; with_body: all the same.
    progress: a bar on stderr while a file is written."""

    include: bool
    target: str | None
    fail: bool
    with_body: bool
    decoded: bool
    progress: bool


@click.command()
@request_options
@click.option("-o", "--to", "target", metavar="FILE", help="Write the body there.")
@click.option(
    "-O", "--remote-name", is_flag=True, help="Write it to a file of the URL's last name."
)
@click.option("-i", "--include", is_flag=True, help="Print the status and the headers too.")
@click.option("-f", "--fail", is_flag=True, help="End with 1, without the body, on 400 and above.")
@click.option("--fail-with-body", is_flag=True, help="The same, with the body.")
@click.option("-L", "--location", is_flag=True, help="Follow redirects; within one host, signed.")
@click.option("--location-trusted", is_flag=True, help="Follow them, signed for any host.")
@click.option("--retry", type=click.IntRange(0, 100), default=0, help="Tries after the first.")
@click.option("-m", "--max-time", type=click.FloatRange(0, min_open=True), metavar="SECONDS")
@click.option("--compressed", is_flag=True, help="Ask for a compressed answer and unpack it.")
@click.option("--cacert", metavar="FILE", help="Trust this authority alone.")
@click.option("-s", "--silent", is_flag=True, help="Nothing on stderr but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Both heads on stderr, without secrets.")
@click.option("--dry-run", is_flag=True, help="Print the signed request and send nothing.")
@click.option("--curl", is_flag=True, help="Print a command for curl and send nothing.")
@click.option("--service", help="Of the signature.  [default: inferred from the URL]")
@identity_options
@output_option
def call(
    given: GivenRequest,
    target: str | None,
    remote_name: bool,
    include: bool,
    fail: bool,
    fail_with_body: bool,
    location: bool,
    location_trusted: bool,
    retry: int,
    max_time: float | None,
    compressed: bool,
    cacert: str | None,
    silent: bool,
    verbose: bool,
    dry_run: bool,
    curl: bool,
    service: str | None,
    who: Identity,
    output: str,
) -> None:
    """Send a request signed with AWS Signature Version 4, and print the answer.

    What it was signed for, and from what that was inferred, is said on stderr.

    \b
    Examples:
      daypass call https://….lambda-url.eu-west-1.on.aws/orders --json '{"id": 1}'
      daypass call https://bucket.s3.eu-west-1.amazonaws.com/key -T file --retry 3
      daypass call https://bucket.s3.eu-west-1.amazonaws.com/key -o file --fail
      daypass call https://….execute-api.eu-west-1.amazonaws.com/prod/ --curl
    """
    scope = resolve(given.url, service, who.connection.region, who.configured_region)
    signer = Signer(who.provider(), lambda _url: scope, time.time, unsigned_payload=False)
    asked = Asked(given.method, given.url, given.headers, given.body)
    if dry_run or curl:
        _print_signed(signer, asked, given, curl=curl, in_json=output == "json")
        return
    from daypass.client.call.sending import Patience  # noqa: PLC0415 - httpx takes 0.1 s

    narrator = _Narrator(silent or output == "json", verbose)
    narrator.say(f"signed for {scope.service} in {scope.region} ({scope.because})")
    printing = Printing(
        include or given.method == "HEAD",
        _remote_name(given.url) if remote_name else target,
        fail or fail_with_body,
        fail_with_body,
        compressed,
        not silent and sys.stderr.isatty(),
    )
    patience = Patience(retry, location or location_trusted, location_trusted, max_time)
    _send(asked, signer, patience, narrator, printing, scope if output == "json" else None, cacert)


def _send(
    asked: Asked,
    signer: Signer,
    patience: "Patience",
    narrator: "_Narrator",
    printing: Printing,
    in_json: Scope | None,
    cacert: str | None,
) -> None:
    import httpx  # noqa: PLC0415

    from daypass.client.call.sending import Deadline, Sender  # noqa: PLC0415
    from daypass.client.loopback import LoopbackTransport  # noqa: PLC0415

    deadline = Deadline(patience.seconds)
    # Else the bytes as they are stored, not packed on the way and unpacked here.
    encodings = _ENCODINGS if printing.decoded else "identity"
    with ExitStack() as opened:
        client = opened.enter_context(
            httpx.Client(
                headers={"accept-encoding": encodings, "user-agent": f"daypass/{__version__}"},
                # As curl does where it was built with it.
                transport=LoopbackTransport(trusting(cacert), http2=find_spec("h2") is not None),
            )
        )
        diagnosis = ""
        try:
            answer = Sender(client, signer, patience, narrator, deadline).send(asked)
        except SignatureRefusedError as error:
            if not isinstance(error.response, httpx.Response):
                raise
            answer = error.response
            diagnosis = " ".join(text for text in (error.why, error.remedy) if text)
        opened.callback(answer.close)
        if in_json is not None:
            _print_as_json(answer, in_json)
        elif printing.fail and answer.is_error and not printing.with_body:
            answer.read()
        else:
            _print(answer, printing, deadline)
        _explain(answer, diagnosis, printing)


def _print_signed(
    signer: Signer, asked: Asked, given: GivenRequest, *, curl: bool, in_json: bool
) -> None:
    signed = signer.sign(asked.outgoing())
    written = as_curl(signed, given.body, given.files) if curl else as_http(signed, given.body)
    if in_json:
        print_json({"Curl" if curl else "Request": written})
    else:
        click.echo(written)
    if signed.credentials.session_token:
        click.echo(ABOUT_TOKENS, err=True)


def _remote_name(url: str) -> str:
    name = urlsplit(url).path.rpartition("/")[2]
    if name in ("", ".", "..") or "\\" in name:
        raise click.UsageError("The URL ends in no name for a file. Give one with -o.")
    return name


class _Narrator:
    """Says on stderr what happens to a request, without its secrets."""

    def __init__(self, silent: bool, verbose: bool) -> None:
        self._silent = silent
        self._verbose = verbose

    def say(self, text: str) -> None:
        if not self._silent:
            click.echo(text, err=True)

    def sending(self, request: "httpx.Request") -> None:
        if self._verbose:
            target = request.extensions["target"].decode("ascii")
            click.echo(f"> {request.method} {redacted_url(target)}", err=True)
            for name, value in request.headers.multi_items():
                click.echo(f"> {name}: {redacted(name, value)}", err=True)

    def answered(self, response: "httpx.Response") -> None:
        if self._verbose:
            for line in _head(response):
                click.echo(f"< {line}", err=True)

    def waiting(self, why: str, seconds: float) -> None:
        self.say(f"{why}: trying again in {seconds:.0f} s")

    def moving(self, url: str, signed: bool) -> None:
        how = "signed again" if signed else "not signed: it is another host"
        self.say(f"redirected to {redacted_url(url)} ({how})")


def _head(answer: "httpx.Response") -> list[str]:
    lines = [f"{answer.http_version} {answer.status_code} {answer.reason_phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.multi_items()]
    return [printable(line) for line in lines]


def _print(answer: "httpx.Response", printing: Printing, deadline: "Deadline") -> None:
    if printing.include:
        click.echo("\n".join(_head(answer)) + "\n")
    with ExitStack() as opened:
        target = printing.target
        sink = opened.enter_context(Path(target).open("wb")) if target else sys.stdout.buffer
        sys.stdout.flush()
        on_terminal = not target and sys.stdout.isatty()
        # A refusal was read to be diagnosed.
        if answer.is_closed:
            pieces = iter([answer.content])
        else:
            pieces = answer.iter_bytes() if printing.decoded else answer.iter_raw()
        for piece in opened.enter_context(_watched(pieces, answer, printing)):
            deadline.left()
            if on_terminal and b"\0" in piece:
                raise Failure(
                    "The body is not shown.",
                    "It is no text, and would confuse the terminal.",
                    "Write it to a file with -o.",
                )
            sink.write(piece)
            sink.flush()
    if on_terminal:
        click.echo()


@contextmanager
def _watched(
    pieces: Iterator[bytes], answer: "httpx.Response", printing: Printing
) -> Iterator[Iterator[bytes]]:
    """The pieces; on a terminal with a bar, where a large file is written."""
    length = int(answer.headers.get("content-length", "0"))
    if not printing.target or not printing.progress or length < _LARGE or printing.decoded:
        yield pieces
        return
    with click.progressbar(length=length, label=printing.target, file=sys.stderr) as bar:

        def moving() -> Iterator[bytes]:
            for piece in pieces:
                yield piece
                bar.update(len(piece))

        yield moving()


def _print_as_json(answer: "httpx.Response", scope: Scope) -> None:
    content = answer.read()
    try:
        body: dict[str, object] = {"Body": content.decode()}
    except UnicodeDecodeError:
        body = {"BodyBase64": base64.b64encode(content).decode("ascii")}
    print_json(
        {
            "Status": answer.status_code,
            "Headers": dict(answer.headers),
            **body,
            "Service": scope.service,
            "Region": scope.region,
        }
    )


def _explain(answer: "httpx.Response", diagnosis: str, printing: Printing) -> None:
    why = diagnosis or printable(unquote(answer.headers.get(_EXPLANATION, "")))
    if printing.fail and answer.is_error:
        if not printing.with_body:
            why = why or printable(" ".join(answer.text[:_EXCERPT].split()))
        raise Failure(f"The answer is {answer.status_code} {answer.reason_phrase}.", why)
    if why:
        click.echo(f"{click.style('why', bold=True)}  {why}", err=True)


COMMANDS: Final = {"call": call}
