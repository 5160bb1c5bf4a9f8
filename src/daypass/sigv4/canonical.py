"""The canonical request: one spelling for all spellings of a request that mean the same.

    CanonicalRequest = Method "\\n" Path "\\n" Query "\\n" Headers "\\n" SignedHeaders "\\n" Payload

AWS, "Create a signed AWS API request", step 1.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, Protocol, TypeVar, final

from daypass.sigv4 import percent

UNRESERVED: Final = "A-Za-z0-9_.~-"
# %XX that stays as it is: upper-case hex, and not of an unreserved character.
_ESCAPE: Final = "%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[BCDF])"

_PLAIN_PATH: Final = re.compile(f"(?:/(?!\\.{{1,2}}(?:/|$))[{UNRESERVED}]+)+/?").fullmatch
_PLAIN_KEY: Final = re.compile(f"/[/{UNRESERVED}]*").fullmatch
_PLAIN_QUERY: Final = re.compile(
    f"(?:[{UNRESERVED}]|{_ESCAPE})+=(?:[{UNRESERVED}]|{_ESCAPE})*"
    f"(?:&(?:[{UNRESERVED}]|{_ESCAPE})+=(?:[{UNRESERVED}]|{_ESCAPE})*)*"
).fullmatch
_BROKEN_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})").search
_BLANKS: Final = re.compile("[ \t]+")


K_contra = TypeVar("K_contra", contravariant=True)


class SupportsItems(Protocol[K_contra]):
    """Anything that gives a text for a key."""

    def __getitem__(self, key: K_contra, /) -> str: ...


class BrokenEscapeError(ValueError):
    """A "%" that is not followed by two hexadecimal digits."""


class LineBreakError(ValueError):
    """A header's value, or the method, that holds a line break."""


def canonical_path(path: str, *, s3: bool, normalize: bool = True) -> str:
    """The path as it is signed. path: as on the wire, latin-1 or ASCII text.

    Other services than S3: empty and dot segments are resolved (unless not `normalize`), then
    the wire form is encoded once more, so that %20 becomes %2520. S3: no segment is ever
    resolved, and each is decoded and encoded again, which keeps an encoded slash apart from a
    slash. Raises `BrokenEscapeError`.
    """
    if not path or path == "/":
        return "/"
    if s3:
        return path if _PLAIN_KEY(path) else _canonical_key(path)
    if _PLAIN_PATH(path):
        return path
    wire = _without_dot_segments(path) if normalize else path
    return percent.encode_path(wire.encode("latin-1"))


def _canonical_key(path: str) -> str:
    if _BROKEN_ESCAPE(path):
        raise BrokenEscapeError(path)
    return "/".join(
        percent.encode(percent.decode(segment.encode("latin-1"))) for segment in path.split("/")
    )


def key_with_slashes(path: str) -> str | None:
    """The other spelling of an S3 path that means the same key: %2F written as a slash.

    None where there is none. Some signers sign it (requests-aws4auth, NooBaa's rule), the AWS
    SDKs sign the other; both name the same object, so either signature covers it.
    """
    canonical = _canonical_key(path) if "%" in path else path
    return canonical.replace("%2F", "/") if "%2F" in canonical else None


def _without_dot_segments(path: str) -> str:
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if segments:
                segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments) + ("/" if segments and path.endswith("/") else "")


def canonical_query(query: str) -> str:
    """The query as it is signed: each name and value decoded, encoded, then sorted.

    query: as on the wire, after the "?". Empty parts are dropped, a name without "=" gets one.
    "+" is a blank, as S3 and form decoding read it; an application behind the verifier must read
    it so too. Raises `BrokenEscapeError`.
    """
    if not query:
        return ""
    if _PLAIN_QUERY(query):
        if "&" not in query:
            return query
        # Sorted by name, then value: as text "=" would sort after "-" and ".".
        parts = query.replace("=", "\0").split("&")
        parts.sort()
        return "&".join(parts).replace("\0", "=")
    pairs = sorted(
        (percent.encode(name), percent.encode(value)) for name, value in decoded_query(query)
    )
    return "&".join([f"{name}={value}" for name, value in pairs])


def decoded_query(query: str) -> list[tuple[bytes, bytes]]:
    """The query's names and values in wire order. Raises `BrokenEscapeError`."""
    if _BROKEN_ESCAPE(query):
        raise BrokenEscapeError(query)
    pairs: list[tuple[bytes, bytes]] = []
    for part in query.replace("+", "%20").encode("latin-1").split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((percent.decode(name), percent.decode(value)))
    return pairs


def canonical_value(value: str) -> str:
    """A header's value as it is signed: trimmed, and each run of blanks and tabs one blank."""
    # A session token is long, and a regular expression takes 14 µs to find no blank in it.
    if "  " in value or "\t" in value:
        value = _BLANKS.sub(" ", value)
    return value.strip(" ")


@final
class HeaderForm:
    """The shape of the canonical request for one list of signed headers, made once a list.

    text: the names as the SignedHeaders list. pick: takes their values from the headers.
    """

    __slots__ = ("_template", "known", "names", "pick", "text")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.text = ";".join(names)
        self.known = frozenset(names)
        self.pick: Callable[[Mapping[str, str]], tuple[str, ...]] = tuple_getter(names)
        lines = "".join([f"{name.replace('%', '%%')}:%s\n" for name in names])
        self._template = f"%s\n%s\n%s\n{lines}\n{self.text.replace('%', '%%')}\n%s"

    def render(self, values: tuple[str, ...]) -> str:
        """The canonical request of method, path, query, header values by name, payload.

        Raises `LineBreakError`: a line break inside a value would let one line pose as two.
        """
        # One character is found at memory speed; two are not (1 µs a KB in CPython 3.11).
        text = "".join(values)
        if "\n" in text or "\r" in text:
            raise LineBreakError
        if " " in text or "\t" in text:
            collapsed = [canonical_value(value) for value in values[3:-1]]
            values = (*values[:3], *collapsed, values[-1])
        return self._template % values


@lru_cache(maxsize=1024)
def header_form(names: tuple[str, ...]) -> HeaderForm:
    """The shape for these lower-case, sorted names."""
    return HeaderForm(names)


def tuple_getter(keys: Sequence[K_contra]) -> Callable[[SupportsItems[K_contra]], tuple[str, ...]]:
    """What takes the values of these keys from a mapping or sequence, always as a tuple."""
    if len(keys) == 1:
        key = keys[0]
        return lambda values: (values[key],)
    return itemgetter(*keys)


def canonical_request(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    payload: str,
    *,
    s3: bool = False,
    normalize: bool = True,
) -> str:
    """Step 1 of a signature, from the parts of a request as they are on the wire.

    headers: lower-case names, repeated fields joined with ",". payload: the hex SHA-256 of the
    body or a payload mode. Raises KeyError for a signed header that is missing,
    `BrokenEscapeError` for a "%" without two hexadecimal digits, `LineBreakError`.
    """
    form = header_form(tuple(signed_headers))
    spelled = canonical_path(path, s3=s3, normalize=normalize)
    return form.render((method, spelled, canonical_query(query), *form.pick(headers), payload))
