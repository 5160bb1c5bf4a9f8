"""Whatever bytes a client sends, the answer is never a 500, and the server goes on."""

import random
import socket
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from tests.conftest import Server
from tests.signing import Raw, presigned, send, signed

SEED = 20261124
ROUNDS = 1500
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
# What parsers trip over, in the hands of one who signs correctly.
PIECES = [
    "", "%", "%zz", "%00", "\x00", "\xff", "%ff", "..", "/../", "//", "\\", "'", '"', "<", "&", "=",
    "+", ";", "*", "${aws:username}", "{}", "[]", "null", "-1", "1e9", "9" * 40, "0x10", "٣",
    "true", "NaN", "\t", "a" * 3000, "&Action=x", "?", "#", "<!DOCTYPE x>", "arn:aws:iam::1:role/x",
]  # fmt: skip


def _targets(server: Server) -> list[tuple[str, str, str, bytes, dict[str, str]]]:
    """Service, method, path with query, body, headers: to be varied, then signed."""
    assume = b"Action=AssumeRole&Version=2011-06-15&RoleArn=X&RoleSessionName=X&Policy=X"
    create = b"Action=CreateRole&Version=2010-05-08&RoleName=X&AssumeRolePolicyDocument=X&Path=X"
    return [
        ("sts", "POST", "/", assume, FORM),
        ("sts", "GET", "/?Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=X", b"", {}),
        ("iam", "POST", "/", create, FORM),
        ("iam", "POST", "/", b"Action=ListUsers&Version=2010-05-08&Marker=X&MaxItems=X", FORM),
        ("lambda", "POST", "/2015-03-31/functions", b'{"FunctionName":"X","Role":"X"}', JSON),
        ("lambda", "GET", "/2015-03-31/functions/X?Qualifier=X", b"", {}),
        ("lambda", "POST", "/2015-03-31/functions/X/invocations", b"X", {"X-Amz-Log-Type": "X"}),
        ("s3", "GET", "/?prefix=X", b"", {}),
        ("s3", "PUT", "/X", b"<CreateBucketConfiguration>X</CreateBucketConfiguration>", {}),
        ("s3", "GET", "/bucket?list-type=2&prefix=X&max-keys=X&continuation-token=X", b"", {}),
        ("s3", "PUT", "/bucket/X", b"X", {"x-amz-meta-a": "X", "content-type": "X"}),
        ("s3", "GET", "/bucket/X?versionId=X&partNumber=X", b"", {"range": "X", "if-match": "X"}),
        ("s3", "POST", "/bucket?delete", b"<Delete><Object><Key>X</Key></Object></Delete>", {}),
        ("s3", "PUT", "/bucket?policy", b'{"Version":"2012-10-17","Statement":[X]}', {}),
        ("s3", "PUT", "/bucket/k", b"", {"x-amz-copy-source": "X"}),
        ("daypass", "POST", "/_daypass/sessions/revoke", b'{"RoleName":"X","Before":X}', JSON),
        ("lambda", "GET", "/_urls/X/X", b"", {}),
    ]


def test_well_signed_nonsense(server: Server) -> None:
    dice = random.Random(SEED)
    root = Credentials(server.access_key_id, server.secret_access_key)
    targets = _targets(server)
    for number in range(ROUNDS):
        service, method, path, body, headers = targets[number % len(targets)]
        path, text = _vary(dice, path), _vary(dice, body.decode())
        # What no HTTP client could put on the wire is the other test's business.
        path = path.replace("\x00", "%00").replace("\t", "%09").replace("#", "%23")
        path = "".join(c if c.isascii() else "%C3%BF" for c in path)
        fields = {name: _in_header(_vary(dice, value)) for name, value in headers.items()}
        url = server.endpoint + path
        request = signed(root, service, server.region, method, url, text.encode(), fields)
        answer = send(request)
        assert answer.status < 500 or answer.status == 501, (request, answer)


def test_mutated_bytes(server: Server) -> None:
    dice = random.Random(SEED)
    root = Credentials(server.access_key_id, server.secret_access_key)
    wires = [
        _wire(signed(root, service, server.region, method, server.endpoint + path, body, headers))
        for service, method, path, body, headers in _targets(server)
    ]
    wires.append(_wire(presigned(root, "s3", server.region, "GET", f"{server.endpoint}/b/k")))
    address = urlsplit(server.endpoint)
    for _ in range(ROUNDS):
        wire = bytearray(dice.choice(wires))
        for _ in range(dice.randint(1, 8)):
            position = dice.randrange(len(wire))
            match dice.randrange(4):
                case 0:
                    wire[position] = dice.randrange(256)
                case 1:
                    del wire[position]
                case 2:
                    wire.insert(position, dice.choice(b"\r\n:%&=/?\x00\xff \t,;\"'"))
                case _:
                    other = dice.choice(wires)
                    wire[position:position] = other[: dice.randrange(80)]
        with socket.create_connection((address.hostname or "", address.port or 80), 10) as raw:
            raw.settimeout(0.05)
            raw.sendall(wire)
            raw.shutdown(socket.SHUT_WR)
            answer = _read(raw)
        if answer.startswith(b"HTTP/1.1 5"):
            assert answer.startswith(b"HTTP/1.1 501"), (bytes(wire), answer)
    assert server.client("sts").get_caller_identity()["Account"] == server.account_id


def _vary(dice: random.Random, text: str) -> str:
    return "".join(dice.choice(PIECES) if c == "X" else c for c in text)


def _in_header(value: str) -> str:
    return "".join(c for c in value if c.isprintable() and c.isascii()).strip() or "x"


def _wire(request: Raw) -> bytes:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = [*request.headers, ("Content-Length", str(len(request.body)))]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{request.method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + request.body


def _read(connection: socket.socket) -> bytes:
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except (TimeoutError, ConnectionError):
        pass
    return answer
