"""The chain of chunk signatures: each covers its chunk and the signature before it.

chunk    AWS4-HMAC-SHA256-PAYLOAD \\n ts \\n scope \\n previous \\n sha256("") \\n sha256(data)
trailer  AWS4-HMAC-SHA256-TRAILER \\n ts \\n scope \\n previous \\n sha256("name:value\\n"…)
"""

import hmac
from collections.abc import Mapping
from typing import final

from daypass.sigv4.keys import ALGORITHM, MacKey
from daypass.sigv4.payload import EMPTY_SHA256
from daypass.sigv4.refusal import Reason, Refusal


@final
class ChunkChain:
    """The state of one body's chain. seed: the signature of the request it belongs to."""

    __slots__ = ("_chunk", "_key", "_previous", "_trailer")

    def __init__(self, key: MacKey, timestamp: str, scope: str, seed: str) -> None:
        self._key = key
        self._chunk = f"{ALGORITHM}-PAYLOAD\n{timestamp}\n{scope}\n"
        self._trailer = f"{ALGORITHM}-TRAILER\n{timestamp}\n{scope}\n"
        self._previous = seed

    def __repr__(self) -> str:
        return "ChunkChain()"

    def sign_chunk(self, sha256: str) -> str:
        """The signature of the next chunk. sha256: of its data, in hexadecimal."""
        text = f"{self._chunk}{self._previous}\n{EMPTY_SHA256}\n{sha256}"
        self._previous = self._key.hexdigest(text.encode())
        return self._previous

    def sign_trailer(self, sha256: str) -> str:
        """The signature of the trailing fields. sha256: of their `trailer_block`."""
        text = f"{self._trailer}{self._previous}\n{sha256}"
        self._previous = self._key.hexdigest(text.encode())
        return self._previous

    def check_chunk(self, sha256: str, given: str) -> None:
        """Raises `Refusal` if `given` is not the next chunk's signature."""
        if not hmac.compare_digest(self.sign_chunk(sha256).encode(), given.encode()):
            raise Refusal(Reason.CHUNK_SIGNATURE_MISMATCH, "A chunk's signature does not match.")

    def check_trailer(self, sha256: str, given: str) -> None:
        """Raises `Refusal` if `given` is not the trailing fields' signature."""
        if not hmac.compare_digest(self.sign_trailer(sha256).encode(), given.encode()):
            raise Refusal(
                Reason.CHUNK_SIGNATURE_MISMATCH, "The trailing fields' signature does not match."
            )


def trailer_block(trailers: Mapping[str, str]) -> bytes:
    """The trailing fields as they are hashed: sorted, lower-case names, each ended by LF."""
    return "".join([f"{name}:{trailers[name]}\n" for name in sorted(trailers)]).encode("latin-1")
