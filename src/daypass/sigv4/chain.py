"""The chain of chunk signatures: each covers its chunk and the signature before it.

chunk    ALGORITHM-PAYLOAD \\n ts \\n scope \\n previous \\n sha256("") \\n sha256(data)
trailer  ALGORITHM-TRAILER \\n ts \\n scope \\n previous \\n sha256("name:value\\n"…)
event    ALGORITHM-PAYLOAD \\n ts \\n scope \\n previous \\n sha256(headers) \\n sha256(payload)
"""

from collections.abc import Mapping
from typing import final

from daypass.sigv4.keys import SigningKey
from daypass.sigv4.payload import EMPTY_SHA256
from daypass.sigv4.refusal import Reason, Refusal


@final
class ChunkChain:
    """The state of one body's chain. seed: the signature of the request it belongs to."""

    __slots__ = ("_key", "_previous", "_timestamp")

    def __init__(self, key: SigningKey, timestamp: str, seed: str) -> None:
        self._key = key
        self._timestamp = timestamp
        self._previous = seed

    def __repr__(self) -> str:
        return "ChunkChain()"

    def sign_chunk(self, sha256: str) -> str:
        """The signature of the next chunk. sha256: of its data, in hexadecimal."""
        return self._advance(self._key.sign(self._chunk_text(sha256)))

    def sign_trailer(self, sha256: str) -> str:
        """The signature of the trailing fields. sha256: of their `trailer_block`."""
        return self._advance(self._key.sign(self._trailer_text(sha256)))

    def sign_event(self, timestamp: str, headers_sha256: str, payload_sha256: str) -> str:
        """The signature of the next event of an event stream.

        timestamp: the event's own. headers_sha256: of the event's encoded ":date" header.
        """
        self._timestamp = timestamp
        text = self._text("PAYLOAD", f"{headers_sha256}\n{payload_sha256}")
        return self._advance(self._key.sign(text))

    def check_chunk(self, sha256: str, given: str) -> None:
        """Raises `Refusal` if `given` is not a signature of the next chunk."""
        if not self._key.matches(self._chunk_text(sha256), given):
            raise Refusal(Reason.CHUNK_SIGNATURE_MISMATCH, "A chunk's signature does not match.")
        self._advance(given)

    def check_trailer(self, sha256: str, given: str) -> None:
        """Raises `Refusal` if `given` is not a signature of the trailing fields."""
        if not self._key.matches(self._trailer_text(sha256), given):
            raise Refusal(
                Reason.CHUNK_SIGNATURE_MISMATCH, "The trailing fields' signature does not match."
            )
        self._advance(given)

    def _advance(self, signature: str) -> str:
        # SigV4A pads signatures on the wire; what is chained is the signature itself.
        self._previous = signature.rstrip("*")
        return signature.ljust(self._key.signature_width, "*")

    def _chunk_text(self, sha256: str) -> bytes:
        return self._text("PAYLOAD", f"{EMPTY_SHA256}\n{sha256}")

    def _trailer_text(self, sha256: str) -> bytes:
        return self._text("TRAILER", sha256)

    def _text(self, kind: str, last: str) -> bytes:
        return (
            f"{self._key.algorithm}-{kind}\n{self._timestamp}\n{self._key.scope}\n"
            f"{self._previous}\n{last}"
        ).encode()


def trailer_block(trailers: Mapping[str, str]) -> bytes:
    """The trailing fields as they are hashed: sorted, lower-case names, each ended by LF."""
    return "".join([f"{name}:{trailers[name]}\n" for name in sorted(trailers)]).encode("latin-1")
