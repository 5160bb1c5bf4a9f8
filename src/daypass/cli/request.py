"""The request that `call` and `sign` are given: curl's options, gathered into one value."""

import functools
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import quote, urlsplit

import click

from daypass.client.call.body import Body, FormPart, Segment, form, joined, kept
from daypass.client.call.urls import wire_url

Command = Callable[..., None]

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_DEFAULTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "-d": (("content-type", _FORM),),
    "--json": (("content-type", _JSON), ("accept", _JSON)),
}


@dataclass(frozen=True, slots=True)
class GivenRequest:
    """A request as it was asked for. files: the names of the files its body is of, for people."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: Body | None
    files: tuple[str, ...] = ()


def request_options(command: Command) -> Command:
    """URL, -X, -H, -d, --data-raw, --json, -F, -T, -G and -I; the command gets them as `given`."""

    @functools.wraps(command)
    def gathered(**options: Any) -> None:
        asked = {name: options.pop(name) for name in _OPTIONS}
        command(given=_request(**asked), **options)

    decorated: Command = gathered
    for option in (
        _flag("-I", "--head", "Ask for the headers alone."),
        _flag("-G", "--get", "Put the data into the query."),
        click.option(
            *("-T", "--upload-file", "upload"),
            metavar="FILE",
            help="PUT this file; - is standard input.",
        ),
        _many(
            *("-F", "--form", "fields"),
            "NAME=VALUE",
            "A field of a form: NAME=TEXT, NAME=@FILE (;type=… ;filename=…) or NAME=<FILE.",
        ),
        _many("--json", "documents", "TEXT|@FILE", "The body, with the headers of JSON."),
        _many("--data-raw", "raw", "TEXT", "The body, also where it begins with @."),
        _many(
            *("-d", "--data", "--data-binary", "data", "TEXT|@FILE"),
            "The body. @FILE sends a file as it is, @- standard input; several are joined by &.",
        ),
        header_option,
        click.option(
            *("-X", "--request", "method"),
            metavar="METHOD",
            help="GET, POST with data, PUT with -T.",
        ),
    ):
        decorated = option(decorated)
    return click.argument("url")(decorated)


def _flag(short: str, name: str, text: str) -> Callable[[Command], Command]:
    return click.option(short, name, is_flag=True, help=text)


def _many(*names_metavar_and_help: str) -> Callable[[Command], Command]:
    *names, metavar, text = names_metavar_and_help
    return click.option(*names, metavar=metavar, multiple=True, help=text)


header_option: Final = _many(
    *("-H", "--header", "headers", "NAME:VALUE"),
    "A header; NAME: without a value leaves out a default.",
)


def _request(
    url: str,
    method: str | None,
    headers: tuple[str, ...],
    data: tuple[str, ...],
    raw: tuple[str, ...],
    documents: tuple[str, ...],
    fields: tuple[str, ...],
    upload: str | None,
    get: bool,
    head: bool,
) -> GivenRequest:
    url = absolute_url(url)
    bodies = {"-d": data or raw, "--json": documents, "-F": fields, "-T": upload}
    kinds = [option for option, given in bodies.items() if given]
    if len(kinds) > 1:
        raise click.UsageError(f"{' and '.join(kinds)} give different bodies. Use one of them.")
    kind = kinds[0] if kinds else ""
    files = _Files()
    natural, body, defaults = "POST" if kind else "GET", None, _DEFAULTS.get(kind, ())
    if kind == "-d":
        body = joined([*map(files.data, data), *(text.encode() for text in raw)], b"&")
    elif kind == "--json":
        body = joined([files.data(text) for text in documents], b"")
    elif kind == "-F":
        body, media_type = form([_part(field, files) for field in fields])
        defaults = (("content-type", media_type),)
    elif upload:
        natural, body, url = "PUT", Body([files.open(upload, "-T")]), _with_name(url, upload)
    if get:
        if body is None or kind != "-d":
            raise click.UsageError("-G puts data into the query: give it with -d.")
        url, body, natural, defaults = _in_query(url, body), None, "GET", ()
    if head:
        natural = "HEAD"
    return GivenRequest(
        method or natural, wire_url(url), given_headers(headers, defaults), body, tuple(files.names)
    )


def absolute_url(url: str) -> str:
    """The URL as it was given, https where it does not say."""
    return url if "://" in url else f"https://{url}"


_OPTIONS: Final = tuple(_request.__annotations__)[:-1]


class _Files:
    """Opens files for the time of the command."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def data(self, text: str) -> Segment:
        """What -d means by its value."""
        return self.open(text[1:], "-d") if text.startswith("@") else text.encode()

    def open(self, name: str, option: str) -> IO[bytes]:
        context = click.get_current_context()
        self.names.append(name)
        if name == "-":
            return context.with_resource(kept(sys.stdin.buffer))
        try:
            file = context.with_resource(Path(name).open("rb"))  # noqa: SIM115 - the command's end
            if not file.seekable():
                return context.with_resource(kept(file))
        except OSError as error:
            raise click.BadParameter(f"{name}: {error.strerror}.", param_hint=option) from error
        return file


def given_headers(
    given: Sequence[str], defaults: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The headers of -H, and the defaults that none of them replaces or leaves out."""
    headers = []
    named = set()
    for header in given:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{header!r} is not NAME:VALUE.", param_hint="-H")
        named.add(name.strip().lower())
        if value.strip():
            headers.append((name.strip(), value.strip()))
    return headers + [(name, value) for name, value in defaults if name not in named]


# NAME=@FILE;type=text/plain;filename=other
_ATTRIBUTE: Final = re.compile(r";\s*(type|filename)=([^;]*)$", re.IGNORECASE)


def _part(field: str, files: _Files) -> FormPart:
    name, equals, value = field.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{field!r} is not NAME=VALUE.", param_hint="-F")
    attributes: dict[str, str] = {}
    while found := _ATTRIBUTE.search(value):
        attributes[found[1].lower()] = found[2].strip().strip('"')
        value = value[: found.start()]
    kind = attributes.get("type", "")
    if value.startswith("@"):
        content = files.open(value[1:], "-F")
        filename = attributes.get("filename") or Path(value[1:]).name
        return FormPart(name, content, filename, kind)
    if value.startswith("<"):
        return FormPart(name, files.open(value[1:], "-F"), kind=kind)
    return FormPart(name, value.encode(), attributes.get("filename", ""), kind)


def _in_query(url: str, body: Body) -> str:
    added = b"".join(body).decode("utf-8", "surrogateescape")
    plain, hash_, fragment = url.partition("#")
    joint = ("" if plain.endswith(("?", "&")) else "&") if "?" in plain else "?"
    return f"{plain}{joint}{added}{hash_}{fragment}"


def _with_name(url: str, upload: str) -> str:
    """As curl does: a URL that ends in a slash gets the file's name."""
    if upload == "-" or not urlsplit(url).path.endswith("/") or "?" in url:
        return url
    return url + quote(Path(upload).name)
