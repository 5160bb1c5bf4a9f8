"""Mutated requests through the verifier: refused, or unchanged in meaning. Nothing else happens.

python -m tests.sigv4.fuzz [COUNT] [SEED]
"""

import random
import sys
from collections import Counter

from daypass.protocol.message import combine_headers
from daypass.sigv4 import HttpRequest, PayloadMode, Refusal, body_verifier, sign_stream
from tests.sigv4.reference import strict_path, strict_query, strict_value
from tests.sigv4.signed import KEYS, NOW, REGION, SESSION, Signed, presigned, signed

BITS = [
    "",
    "&",
    "=",
    "%",
    "+",
    " ",
    ";",
    "/",
    "//",
    "..",
    "%2F",
    "%00",
    "%zz",
    "\n",
    "\r\n",
    "\0",
    "é",
    "ሴ",
    "\ud800",
    ",",
    "x-amz-",
    "X-Amz-Signature=",
    "Signature=",
    "host",
    "0",
    "1",
    "a",
    "A",
    "-",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "UNSIGNED-PAYLOAD",
    "aws4_request",
    "20150830",
    "\t",
    "X-Amz-Expires=604800",
    "AKIAIOSFODNN7EXAMPLE",
    "AWS4-HMAC-SHA256",
    "9" * 20,
    "٣",
    "-1",
]


def streamed(mode: PayloadMode) -> Signed:
    data = b"chunk" * 4000
    trailers = {} if mode is PayloadMode.SIGNED_CHUNKS else {"x-amz-checksum-crc32": "AAAAAA=="}
    stream = sign_stream(
        HttpRequest("PUT", "https://example.com/bucket/key"),
        KEYS,
        region=REGION,
        decoded_length=len(data),
        mode=mode,
        trailers=dict.fromkeys(trailers),
        chunk_size=8192,
        now=NOW,
    )
    wire = b"".join(stream.encode([data], lambda: trailers))
    return Signed("PUT", "/bucket/key", "", tuple(stream.headers), wire, "s3")


def originals() -> list[Signed]:
    meta = (("x-amz-meta-a", "one two"), ("Content-Type", "text/plain"), ("User-Agent", "fuzz"))
    return [
        signed(target="/bucket/a%20b/c?prefix=x%2Fy&list-type=2", headers=meta, keys=SESSION),
        signed("lambda", "POST", "/a%20b/./c?b=2&a=1&a=", (("Content-Type", "a/b"),), b'{"a": 1}'),
        signed("sts", "POST", "/", (), b"Action=GetCallerIdentity&Version=2011-06-15"),
        presigned(target="/bucket/key?response-content-type=text%2Fplain", keys=SESSION),
        presigned("sts", target="/?Action=GetCallerIdentity&Version=2011-06-15"),
        streamed(PayloadMode.SIGNED_CHUNKS),
        streamed(PayloadMode.SIGNED_CHUNKS_TRAILER),
        streamed(PayloadMode.UNSIGNED_CHUNKS_TRAILER),
    ]


def mutate_text(text: str, dice: random.Random) -> str:
    start = dice.randrange(len(text) + 1)
    stop = min(len(text), start + dice.choice((0, 0, 1, 1, 2, 8)))
    kind = dice.randrange(5)
    if kind == 0:
        return text[:start] + dice.choice(BITS) + text[stop:]
    if kind == 1:
        return text[:start] + chr(dice.randrange(256)) + text[stop:]
    if kind == 2:
        return text[:start] + text[stop:]
    if kind == 3:
        return text[:start] + text[start:stop] * 2 + text[stop:]
    return text[:start] + text[start:stop].swapcase() + text[stop:]


def mutate(request: Signed, dice: random.Random) -> Signed:
    match dice.randrange(8):
        case 0:
            return request.change(path=mutate_text(request.path, dice))
        case 1 | 2:
            return request.change(query=mutate_text(request.query, dice))
        case 3:
            body = mutate_text(request.body.decode("latin-1"), dice)
            return request.change(body=body.encode("latin-1", "replace"))
        case 4 if request.fields:
            fields = list(request.fields)
            dice.shuffle(fields)
            chosen = fields[: dice.choice((len(fields), len(fields) - 1))]
            return request.change(fields=(*chosen, *dice.choices(fields, k=dice.randrange(2))))
        case 5:
            return request.change(method=mutate_text(request.method, dice))
        case _ if request.fields:
            fields = list(request.fields)
            at = dice.randrange(len(fields))
            name, value = fields[at]
            if dice.randrange(4):
                fields[at] = (name, mutate_text(value, dice))
            else:
                fields[at] = (mutate_text(name, dice), value)
            return request.change(fields=tuple(fields))
        case _:
            return request


def meaning(request: Signed, names: tuple[str, ...]) -> tuple[object, ...]:
    """All that a signature covers, by the reference's rules."""
    headers: dict[str, list[str]] = {}
    for name, value in request.fields:
        headers.setdefault(name.lower(), []).append(value)
    query = "&".join(
        part for part in request.query.split("&") if not part.startswith("X-Amz-Signature=")
    )
    return (
        request.method,
        strict_path(request.path, request.service).replace("%2F", "/"),
        strict_query(query),
        [(name, strict_value(headers.get(name, []))) for name in names],
    )


def read_body(request: Signed, verified) -> tuple[bytes, dict[str, str]]:
    if request.service != "s3":
        return request.body, {}
    verifier = body_verifier(verified, combine_headers(request.fields)[0])
    body = b"".join(verifier.feed(request.body))
    return body, dict(verifier.finish())


def fuzz(count: int, seed: int) -> Counter[str]:
    """Raises AssertionError for a request that is accepted and means something else."""
    dice = random.Random(seed)
    outcomes: Counter[str] = Counter()
    known = []
    for request in originals():
        verified = request.verify()
        names = verified.signed_headers
        known.append((request, names, meaning(request, names), read_body(request, verified)))
    for _ in range(count):
        original, names, meant, content = dice.choice(known)
        changed = mutate(original, dice)
        for _ in range(dice.choice((0, 0, 0, 1, 2))):
            changed = mutate(changed, dice)
        try:
            verified = changed.verify()
            if verified is None:
                outcomes["anonymous"] += 1
                continue
            given = read_body(changed, verified)
        except Refusal as refusal:
            refusal.error(original.present().dialect)
            outcomes[refusal.reason.name] += 1
            continue
        assert verified.access_key_id == original.verify().access_key_id, changed
        assert verified.signed_headers == names, changed
        assert meaning(changed, names) == meant, changed
        if verified.payload.unsigned:
            assert given[1].keys() == content[1].keys(), changed
        else:
            assert given == content, changed
        outcomes["same meaning"] += 1
    return outcomes


if __name__ == "__main__":
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    start = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**9)
    print(f"{total} mutated requests, seed {start}")
    for name, number in fuzz(total, start).most_common():
        print(f"{number:9} {name.lower().replace('_', ' ')}")
    print("None was accepted with another meaning; none raised anything but a refusal.")
