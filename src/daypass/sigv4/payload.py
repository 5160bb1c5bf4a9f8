"""What the last line of a canonical request says about the body."""

import re
from enum import StrEnum
from typing import Final, final

EMPTY_SHA256: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"


class PayloadMode(StrEnum):
    """Every way in which a body can be covered by a signature. There is no other."""

    SHA256 = "SHA256"
    UNSIGNED = UNSIGNED_PAYLOAD
    SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_CHUNKS_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    ECDSA_CHUNKS = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"
    ECDSA_CHUNKS_TRAILER = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"


_MODES: Final = {mode.value: mode for mode in PayloadMode if mode is not PayloadMode.SHA256}
_SHA256: Final = re.compile("[0-9a-f]{64}")


@final
class Payload:
    """A payload mode and the text that declares it in the canonical request."""

    __slots__ = ("declared", "mode")

    def __init__(self, mode: PayloadMode, declared: str) -> None:
        self.mode = mode
        self.declared = declared

    def __repr__(self) -> str:
        return f"Payload({self.declared!r})"

    @property
    def streaming(self) -> bool:
        """Whether the body is aws-chunked, which only operations that take a stream accept."""
        return self.mode not in (PayloadMode.SHA256, PayloadMode.UNSIGNED)

    @property
    def unsigned(self) -> bool:
        """Whether the signature says nothing about the bytes of the body."""
        return self.mode in (PayloadMode.UNSIGNED, PayloadMode.UNSIGNED_CHUNKS_TRAILER)

    @property
    def trailer(self) -> bool:
        """Whether trailing header fields follow the body."""
        return self.mode in (
            PayloadMode.SIGNED_CHUNKS_TRAILER,
            PayloadMode.UNSIGNED_CHUNKS_TRAILER,
            PayloadMode.ECDSA_CHUNKS_TRAILER,
        )


_DECLARED: Final = {text: Payload(mode, text) for text, mode in _MODES.items()}


def is_payload(text: str) -> bool:
    """Whether `x-amz-content-sha256: text` declares a payload in a known way."""
    return text in _DECLARED or _SHA256.fullmatch(text) is not None


def is_payload_mode(text: str) -> bool:
    """Whether the declaration is a mode, and not the hash of the body."""
    return text in _DECLARED


def declared_payload(text: str) -> Payload:
    """The payload that a text declares for which `is_payload` holds."""
    return _DECLARED.get(text) or Payload(PayloadMode.SHA256, text)
