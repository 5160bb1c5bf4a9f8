"""`daypass presign`: a URL that anyone may use for a while."""

import os
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlsplit

import click

from daypass.cli.failure import Failure
from daypass.cli.identity import Identity, identity_options
from daypass.cli.options import Duration, output_option
from daypass.cli.present import iso_time, print_json, time_left
from daypass.cli.request import absolute_url, given_headers, header_option
from daypass.client import Scope, resolve
from daypass.client.call.urls import wire_url
from daypass.sigv4 import Credentials, HttpRequest
from daypass.sigv4 import presign as presigned

_DEFAULT: Final = 3600
_LONGEST: Final = 604_800


@click.command()
@click.argument("url")
@click.option("-X", "--request", "method", metavar="METHOD", default="GET", show_default=True)
@header_option
@click.option(
    "--expires",
    type=Duration(),
    help="How long it works, up to 7 days (168h).  [default: 1h, or what is left of the session]",
)
@click.option("--strict", is_flag=True, help="Fail if the session ends before the URL should.")
@click.option("--service", help="Of the signature.  [default: inferred from the URL]")
@identity_options
@output_option
def presign(
    url: str,
    method: str,
    headers: tuple[str, ...],
    expires: int | None,
    strict: bool,
    service: str | None,
    who: Identity,
    output: str,
) -> None:
    """Print a URL with a signature in its query, for anyone to use until it expires.

    An object may be named as s3://BUCKET/KEY. Headers given are signed, and must be sent with it.
    A URL ends with the session that signed it, whatever it says itself.

    \b
    Examples:
      daypass presign s3://bucket/report.csv --expires 15m
      daypass presign -X PUT s3://bucket/upload.bin -H 'content-type: image/png'
    """
    address = wire_url(_object_url(url, who) if url.startswith("s3://") else absolute_url(url))
    scope = resolve(address, _service_of(url, service), who.connection.region, who.region)
    credentials = who.provider().credentials()
    now = time.time()
    seconds = _seconds(expires, credentials, now, strict)
    request = HttpRequest(method, address, given_headers(headers, ()), None)
    # It ends with the session, which is said here and not as Python warns.
    signer = Credentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    made = presigned(
        request, signer, service=scope.service, region=scope.region, expires=seconds, now=now
    )
    _print(made, scope, min(now + seconds, credentials.expiration or now + seconds), output)


def _service_of(url: str, service: str | None) -> str | None:
    return service or ("s3" if url.startswith("s3://") else None)


def _object_url(url: str, who: Identity, environ: Mapping[str, str] = os.environ) -> str:
    """Where the object is: at the endpoint of the command or the environment, or at AWS."""
    parts = urlsplit(url.replace("?", "%3F").replace("#", "%23"))
    bucket, key = parts.netloc, quote(url.removeprefix(f"s3://{parts.netloc}"), "/-._~")
    if not bucket or len(key) < 2:
        raise click.UsageError(f"{url!r} names no object: s3://BUCKET/KEY.")
    endpoint = who.connection.endpoint_url or environ.get("AWS_ENDPOINT_URL_S3")
    endpoint = endpoint or environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        return f"{endpoint.rstrip('/')}/{bucket}{key}"
    region = who.region() or "us-east-1"
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    if "." in bucket:  # no certificate covers it as a name of its own
        return f"https://s3.{region}.{domain}/{bucket}{key}"
    return f"https://{bucket}.s3.{region}.{domain}{key}"


def _seconds(expires: int | None, credentials: Credentials, now: float, strict: bool) -> int:
    """Seconds the URL says it works. Raises `Failure` with `strict`."""
    left = None if credentials.expiration is None else int(credentials.expiration - now)
    if expires is None:
        return _DEFAULT if left is None else max(min(_DEFAULT, left), 1)
    if not 1 <= expires <= _LONGEST:
        raise click.BadParameter("a URL works for 1 second to 7 days.", param_hint="--expires")
    if left is None:
        if credentials.session_token:
            _warn("It is signed by a session whose end is not known here, and ends with it.")
        return expires
    if expires > left:
        what = f"The session ends in {time_left(left)}, and the URL with it."
        if strict:
            raise Failure(
                "The URL would stop working before it expires.",
                what,
                "Ask for a shorter --expires, or for a longer session with --duration.",
            )
        _warn(f"{what} Ask for a shorter --expires or a longer session.")
    return expires


def _warn(text: str) -> None:
    click.echo(f"{click.style('Warning:', fg='yellow', bold=True)} {text}", err=True)


def _print(url: str, scope: Scope, ends: float, output: str) -> None:
    if output == "json":
        print_json(
            {
                "Url": url,
                "Ends": iso_time(ends),
                "Service": scope.service,
                "Region": scope.region,
            }
        )
        return
    click.echo(url)
    click.echo(
        f"signed for {scope.service} in {scope.region}; it works until {iso_time(ends)}", err=True
    )


COMMANDS: Final = {"presign": presign}
