"""`daypass call`: a signed HTTP request, with curl's everyday options."""

import base64
import os
import ssl
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote

import click
import httpx

from daypass import __version__
from daypass.cli.failure import Failure
from daypass.cli.options import output_option
from daypass.cli.present import print_json
from daypass.client import Auth, SignatureRefusedError
from daypass.client.loopback import LoopbackTransport

_FORM: Final = "application/x-www-form-urlencoded"
_EXPLANATION: Final = "x-daypass-explanation"
_EXCERPT: Final = 500  # characters of a body in an error


@click.command()
@click.argument("url")
@click.option("-X", "--request", "method", metavar="METHOD", help="GET, or POST with -d.")
@click.option(
    "-d",
    "--data",
    "data",
    metavar="TEXT|@FILE",
    multiple=True,
    help="The body. @FILE sends a file as it is, @- standard input; several are joined by &.",
)
@click.option("-H", "--header", "headers", metavar="NAME:VALUE", multiple=True)
@click.option("-o", "--to", "target", metavar="FILE", help="Write the body there.")
@click.option("-i", "--include", is_flag=True, help="Print the status and the headers too.")
@click.option("--fail", is_flag=True, help="End with 1, without the body, on 400 and above.")
@click.option("--service", help="Of the signature.  [default: inferred from the URL]")
@click.option("--region", help="Of the signature.  [default: inferred from the URL]")
@click.option("--role", metavar="ARN", help="A role to assume first.")
@click.option("--profile", help="A profile of ~/.aws/config.")
@output_option
def call(
    url: str,
    method: str | None,
    data: tuple[str, ...],
    headers: tuple[str, ...],
    target: str | None,
    include: bool,
    fail: bool,
    service: str | None,
    region: str | None,
    role: str | None,
    profile: str | None,
    output: str,
) -> None:
    """Send a request signed with AWS Signature Version 4, and print the answer.

    What it was signed for, and from what that was inferred, is said on stderr.

    \b
    Examples:
      daypass call https://….lambda-url.eu-west-1.on.aws/orders -d '{"id": 1}' \\
        -H 'content-type: application/json'
      daypass call https://bucket.s3.eu-west-1.amazonaws.com/key -X PUT -d @file
    """
    address = url if "://" in url else f"https://{url}"
    auth = Auth(service=service, region=region, role=role, profile=profile)
    scope = auth.scope(address)
    if output == "text":
        click.echo(f"signed for {scope.service} in {scope.region} ({scope.because})", err=True)
    with ExitStack() as opened:
        request = httpx.Request(
            method or ("POST" if data else "GET"),
            address,
            headers=_headers(headers, with_form=bool(data)),
            content=_body(data, opened),
        )
        client = opened.enter_context(
            httpx.Client(
                auth=auth,
                # The bytes as they are stored, not packed on the way and unpacked here.
                headers={"accept-encoding": "identity", "user-agent": f"daypass/{__version__}"},
                transport=LoopbackTransport(_tls()),
                timeout=httpx.Timeout(None, connect=10.0),
            )
        )
        answer, diagnosis = _send(client, request)
        opened.callback(answer.close)
        if output == "json":
            _print_as_json(answer, scope.service, scope.region)
        elif fail and answer.is_error:
            answer.read()
        else:
            _print(answer, include, target)
        _explain(answer, diagnosis, fail)


def _send(client: httpx.Client, request: httpx.Request) -> tuple[httpx.Response, str]:
    """The answer, and if it refuses the signature, what is wrong."""
    try:
        return client.send(request, stream=True), ""
    except SignatureRefusedError as error:
        if not isinstance(error.response, httpx.Response):
            raise
        return error.response, " ".join(text for text in (error.why, error.remedy) if text)


def _headers(given: Sequence[str], with_form: bool) -> list[tuple[str, str]]:
    headers = []
    for header in given:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{header!r} is not NAME:VALUE.", param_hint="-H")
        headers.append((name.strip(), value.strip()))
    if with_form and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", _FORM))
    return headers


def _body(data: Sequence[str], opened: ExitStack) -> bytes | IO[bytes] | None:
    if not data:
        return None
    if len(data) == 1 and data[0].startswith("@") and data[0] != "@-":
        try:
            return opened.enter_context(Path(data[0][1:]).open("rb"))  # hashed and sent in pieces
        except OSError as error:
            raise click.BadParameter(
                f"{data[0][1:]}: {error.strerror}.", param_hint="-d"
            ) from error
    return b"&".join(_piece(text) for text in data)


def _piece(text: str) -> bytes:
    if text == "@-":
        return sys.stdin.buffer.read()
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_bytes()
        except OSError as error:
            raise click.BadParameter(f"{text[1:]}: {error.strerror}.", param_hint="-d") from error
    return text.encode()


def _tls() -> ssl.SSLContext:
    # The variable every AWS tool reads for a CA of one's own.
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)


def _print(answer: httpx.Response, include: bool, target: str | None) -> None:
    if include:
        click.echo(f"{answer.http_version} {answer.status_code} {answer.reason_phrase}")
        for name, value in answer.headers.multi_items():
            click.echo(f"{name}: {value}")
        click.echo()
    with ExitStack() as opened:
        sink = opened.enter_context(Path(target).open("wb")) if target else sys.stdout.buffer
        sys.stdout.flush()
        # A refusal was read to be diagnosed.
        for piece in [answer.content] if answer.is_closed else answer.iter_raw():
            sink.write(piece)
        sink.flush()
    if not target and sys.stdout.isatty():
        click.echo()


def _print_as_json(answer: httpx.Response, service: str, region: str) -> None:
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
            "Service": service,
            "Region": region,
        }
    )


def _explain(answer: httpx.Response, diagnosis: str, fail: bool) -> None:
    why = diagnosis or unquote(answer.headers.get(_EXPLANATION, ""))
    if fail and answer.is_error:
        why = why or answer.text[:_EXCERPT].strip()
        raise Failure(f"The answer is {answer.status_code} {answer.reason_phrase}.", why)
    if why:
        click.echo(f"{click.style('why', bold=True)}  {why}", err=True)


COMMANDS: Final = {"call": call}
