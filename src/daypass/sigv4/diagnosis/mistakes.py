"""The mistakes that signing clients are known to make, likeliest first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from daypass.sigv4.diagnosis import guesses
from daypass.sigv4.diagnosis.attempt import Attempt, Received

Variants = Callable[[Received, Attempt], Iterator[Attempt]]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A known mistake. sentence: what the client did, and what to do instead.

    variants: what the client may have signed, likeliest first.
    """

    name: str
    sentence: str
    variants: Variants


MISTAKES: Final[tuple[Mistake, ...]] = (
    Mistake(
        "host-port",
        "The host was signed with another port than the Host header has. Sign the Host header as "
        "it is sent: with the port, unless it is the scheme's own.",
        guesses.host_port,
    ),
    Mistake(
        "host-forwarded",
        "A proxy on the way changed the Host header after signing. Let it pass Host on unchanged.",
        guesses.host_forwarded,
    ),
    Mistake(
        "host-spelling",
        "The host was signed in another spelling than the Host header has. Sign it as it is sent.",
        guesses.host_case,
    ),
    Mistake(
        "path-encoded-once",
        "The path was percent-encoded once for the signature. Services other than S3 sign the "
        "path as sent, encoded once more: %20 becomes %2520.",
        guesses.path_once,
    ),
    Mistake(
        "path-encoded-twice",
        "The path was percent-encoded twice for the signature. S3 signs it encoded once.",
        guesses.path_twice,
    ),
    Mistake(
        "path-not-encoded",
        "The path was signed without percent-encoding. Encode everything but A-Z a-z 0-9 - . _ ~ "
        "and the slashes.",
        guesses.path_raw,
    ),
    Mistake(
        "path-signed-as-sent",
        "The path was signed as it was sent, with characters in it that S3 signs "
        "percent-encoded. Encode everything but A-Z a-z 0-9 - . _ ~ and the slashes.",
        guesses.path_as_sent,
    ),
    Mistake(
        "path-segments",
        "Dot segments or double slashes of the path were treated wrongly: S3 signs them as they "
        "are, other services sign the path with them resolved.",
        guesses.path_segments,
    ),
    Mistake(
        "path-slash",
        "The path was signed with its last slash left out or added. Sign the path as it is sent; "
        "an empty path is signed as '/'.",
        guesses.path_slash,
    ),
    Mistake(
        "path-absolute",
        "The whole URL was signed where the path belongs. Sign only what follows the host.",
        guesses.path_absolute,
    ),
    Mistake(
        "path-with-query",
        "The query was signed as a part of the path. It has a line of its own.",
        guesses.path_with_query,
    ),
    Mistake(
        "query-not-sorted",
        "The query was signed in another order. Sort its parameters by name, then value, by the "
        "bytes of their encoded form.",
        guesses.query_unsorted,
    ),
    Mistake(
        "query-plus",
        "A '+' or a blank in the query was signed in another spelling. A '+' on the wire is a "
        "blank and is signed as %20; a plus sign is sent and signed as %2B.",
        guesses.query_plus,
    ),
    Mistake(
        "query-bare-name",
        "A query parameter without a value was signed without its '='. Sign 'name='.",
        guesses.query_bare,
    ),
    Mistake(
        "query-signed-as-sent",
        "The query was signed as it was sent. Encode each name and value: everything but "
        "A-Z a-z 0-9 - . _ ~, with upper-case hexadecimal digits.",
        guesses.query_as_sent,
    ),
    Mistake(
        "query-not-encoded",
        "The query was signed without percent-encoding. Encode each name and value.",
        guesses.query_raw,
    ),
    Mistake(
        "query-encoded-twice",
        "The query was percent-encoded twice for the signature. Encode decoded names and values.",
        guesses.query_twice,
    ),
    Mistake(
        "query-left-out",
        "The query was left out of the signature. It is the third line of the canonical request.",
        guesses.query_left_out,
    ),
    Mistake(
        "header-blanks",
        "Blanks in a signed header were treated wrongly. Trim the value, and make one blank of "
        "each run of them.",
        guesses.header_blanks,
    ),
    Mistake(
        "header-order",
        "The signed headers were not sorted. Sort them by lower-case name.",
        guesses.header_order,
    ),
    Mistake(
        "header-signed-but-not-listed",
        "A header was signed that SignedHeaders does not list. List exactly those that are signed.",
        guesses.header_extra,
    ),
    Mistake(
        "header-listed-but-not-signed",
        "SignedHeaders lists a header that was not signed, or that came after signing. List "
        "exactly those that are signed.",
        guesses.header_missing,
    ),
    Mistake(
        "content-type-changed",
        "Content-Type was signed with another value than was sent; an HTTP library may have "
        "changed it. Set it yourself, before signing.",
        guesses.content_type,
    ),
    Mistake(
        "blank-line-missing",
        "The canonical request lacks the blank line after the headers.",
        guesses.blank_line,
    ),
    Mistake(
        "token-left-out",
        "The session token was not signed. Put it into the request before signing, as "
        "x-amz-security-token (in a presigned URL: as X-Amz-Security-Token).",
        guesses.token_left_out,
    ),
    Mistake(
        "token-not-listed",
        "The session token was signed, and SignedHeaders does not list x-amz-security-token.",
        guesses.token_not_listed,
    ),
    Mistake(
        "token-of-another-session",
        "The session token that was signed is another session's. Take access key, secret and "
        "token from one answer, together.",
        guesses.token_other,
    ),
    Mistake(
        "body-newline",
        "The body was hashed with or without a line break or blanks at its ends that it was sent "
        "with. Hash the bytes that are sent.",
        guesses.body_newline,
    ),
    Mistake(
        "body-line-ends",
        "The body's line ends changed between hashing and sending. Hash the bytes that are sent.",
        guesses.body_line_ends,
    ),
    Mistake(
        "body-json",
        "The body's JSON was written anew between hashing and sending. Make the bytes once, and "
        "hash and send those.",
        guesses.body_json,
    ),
    Mistake(
        "body-empty",
        "The signature is of an empty body, and a body was sent. Hash the bytes that are sent.",
        guesses.body_empty,
    ),
    Mistake(
        "body-unsigned",
        "The payload was signed as UNSIGNED-PAYLOAD. This service wants the body's SHA-256 (S3: "
        "or the header x-amz-content-sha256 with the same text).",
        guesses.body_unsigned,
    ),
    Mistake(
        "body-hash-differs-from-header",
        "The payload in the signature is another than x-amz-content-sha256 says. Use one value "
        "for both.",
        guesses.body_hashed,
    ),
    Mistake(
        "body-not-hashed",
        "The last line of the canonical request is not the body's SHA-256 in lower-case "
        "hexadecimal.",
        guesses.body_itself,
    ),
    Mistake(
        "region",
        "The signing key was derived for another region. Use the region of the credential scope, "
        "and that of the endpoint in both.",
        guesses.region,
    ),
    Mistake(
        "service",
        "The signing key was derived for another service. Use the service of the credential "
        "scope, and that of the endpoint in both.",
        guesses.service,
    ),
    Mistake(
        "date",
        "The signing key was derived for another day. Use the first eight digits of x-amz-date.",
        guesses.date,
    ),
    Mistake(
        "local-time",
        "The string to sign has another timestamp than x-amz-date: local time instead of UTC. "
        "Use one UTC timestamp for both.",
        guesses.local_time,
    ),
    Mistake(
        "date-header",
        "The string to sign has the Date header where x-amz-date belongs.",
        guesses.other_date_header,
    ),
    Mistake(
        "secret-spelling",
        "The secret access key was used with blanks, a line break, quotes or an escape that do "
        "not belong to it. Strip it.",
        guesses.secret_spelled,
    ),
    Mistake(
        "secret-of-another-key",
        "The secret access key is that of another of your access keys. Use the pair that was "
        "issued together.",
        guesses.secret_other,
    ),
    Mistake(
        "secret-without-prefix",
        "The signing key was derived from the secret alone. It starts from 'AWS4' + secret.",
        guesses.secret_prefix,
    ),
    Mistake(
        "method",
        "The method that was signed is not the one that was sent; a redirect may have changed it. "
        "Sign the request that follows a redirect anew.",
        guesses.method,
    ),
    Mistake("method-case", "The method was signed in lower case.", guesses.method_case),
)
