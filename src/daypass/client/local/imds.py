"""Instance metadata, version 2: as much of it as SDKs ask for credentials and the region.

Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata".
"""

import hmac
import json
import re
import secrets
import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from daypass.client.errors import ClientError
from daypass.client.local.container import as_json
from daypass.client.local.http import LocalRequest, LocalResponse, plain
from daypass.client.times import iso_of_seconds
from daypass.sigv4 import Credentials

_TOKEN_PATH: Final = "/latest/api/token"
_TTL_HEADER: Final = "x-aws-ec2-metadata-token-ttl-seconds"
_TOKEN_HEADER: Final = "x-aws-ec2-metadata-token"
_LONGEST_TTL: Final = 21_600
_CREDENTIALS: Final = "/latest/meta-data/iam/security-credentials"
_INSTANCE: Final = "i-00000000000000000"
_NUMBER: Final = re.compile("[0-9]{1,5}").fullmatch
_EXPIRY: Final = struct.Struct(">d16s")


class MetadataTokens:
    """Session tokens that carry their own end, so that none has to be kept."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def issue(self, seconds: int) -> str:
        content = _EXPIRY.pack(self._clock() + seconds, secrets.token_bytes(16))
        return urlsafe_b64encode(content + self._mac(content)).decode("ascii")

    def valid(self, token: str) -> bool:
        try:
            opened = urlsafe_b64decode(token.encode("latin-1"))
        except ValueError:
            return False
        # One token, one spelling: decoding passes over what is no base64.
        if urlsafe_b64encode(opened).decode("ascii") != token:
            return False
        content, mac = opened[: _EXPIRY.size], opened[_EXPIRY.size :]
        if len(content) < _EXPIRY.size or not hmac.compare_digest(mac, self._mac(content)):
            return False
        expires: float = _EXPIRY.unpack(content)[0]
        return self._clock() < expires

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, sha256)


class InstanceMetadata:
    """Answers as an EC2 instance that demands version 2. role: the name credentials are under."""

    def __init__(
        self,
        credentials: Callable[[], Credentials],
        role: str,
        region: str | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._role = role
        self._region = region
        self._clock = clock
        self._tokens = MetadataTokens(clock)
        self._started = clock()

    def __call__(self, request: LocalRequest) -> LocalResponse:
        # What was forwarded came from elsewhere: an open proxy must not fetch credentials.
        if request.has("x-forwarded-for") or request.has("forwarded"):
            return plain(403, "Forwarded requests are refused.")
        path = request.path.rstrip("/")
        if path == _TOKEN_PATH:
            return self._issue(request)
        if not self._tokens.valid(request.one(_TOKEN_HEADER) or ""):
            return plain(401, f"A valid {_TOKEN_HEADER} is needed; PUT {_TOKEN_PATH} gives one.")
        if request.method not in ("GET", "HEAD"):
            return plain(405, "Metadata is asked for with GET.")
        return self._metadata(path)

    def _issue(self, request: LocalRequest) -> LocalResponse:
        if request.method != "PUT":
            return plain(405, "A token is asked for with PUT.")
        seconds = request.one(_TTL_HEADER) or ""
        if not _NUMBER(seconds) or not 1 <= int(seconds) <= _LONGEST_TTL:
            return plain(400, f"{_TTL_HEADER} must be 1 to {_LONGEST_TTL}.")
        return _text(self._tokens.issue(int(seconds)), (_TTL_HEADER, seconds))

    def _metadata(self, path: str) -> LocalResponse:
        if path == _CREDENTIALS:
            return _text(self._role)
        if path == f"{_CREDENTIALS}/{self._role}":
            return self._role_credentials()
        if path == "/latest/meta-data/iam/info":
            updated = iso_of_seconds(self._started)
            return as_json(200, {"Code": "Success", "LastUpdated": updated})
        if path == "/latest/meta-data/instance-id":
            return _text(_INSTANCE)
        if self._region is not None:
            if path == "/latest/meta-data/placement/region":
                return _text(self._region)
            if path == "/latest/meta-data/placement/availability-zone":
                return _text(f"{self._region}a")
            if path == "/latest/dynamic/instance-identity/document":
                document = {"instanceId": _INSTANCE, "region": self._region}
                return _text(json.dumps(document | {"availabilityZone": f"{self._region}a"}))
        return plain(404, "There is no such metadata.")

    def _role_credentials(self) -> LocalResponse:
        try:
            made = self._credentials()
        except ClientError as error:
            # INVARIANT: no credentials is said as an error, never as a success without them.
            return as_json(502, {"Code": "Failed", "Message": str(error)})
        return as_json(
            200,
            {
                "Code": "Success",
                "LastUpdated": iso_of_seconds(self._clock()),
                "Type": "AWS-HMAC",
                "AccessKeyId": made.access_key_id,
                "SecretAccessKey": made.secret_access_key,
                "Token": made.session_token or "",
                "Expiration": iso_of_seconds(made.expiration or 0.0),
            },
        )


def _text(text: str, *headers: tuple[str, str]) -> LocalResponse:
    content = text.encode()
    fixed = [("content-type", "text/plain"), ("content-length", str(len(content)))]
    return LocalResponse(200, [*fixed, *headers], (content,))
