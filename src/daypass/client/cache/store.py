"""The session cache on disk: a file a session, each encrypted with AES-GCM.

Neither a file's name nor its size tells what it is of: the name is a keyed hash. A file is bound
to its name, so that one cannot be put in the place of another.
"""

import contextlib
import hmac
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from daypass.client.cache.entries import Entry, entry_of_json
from daypass.client.cache.files import make_private_directory, read_private, write_private
from daypass.client.cache.keys import CacheKeyError, load_key
from daypass.client.cache.locks import locked
from daypass.client.cache.places import Places, cache_places

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MAGIC: Final = b"daypass session 1\n"
_NONCE: Final = 12
_ENTRY: Final = ".session"
_LOCK: Final = ".lock"
# An entry is about 2 KB; AWS's longest session policy and token make it no more than 40.
_MOST_BYTES: Final = 1 << 18
_MOST_ENTRIES: Final = 512
_LONGEST: Final = 36 * 3600.0  # seconds: no session of AWS's lives longer


class Store:
    """What goes wrong with the disk or the key is said in the log, once, and nothing is kept:
    credentials are to be had without a cache, too. broken: why it is not used."""

    def __init__(
        self, places: Places | None = None, environ: Mapping[str, str] = os.environ
    ) -> None:
        self.places = places or cache_places(environ)
        self._environ = environ
        self._keys: tuple[bytes, AESGCM] | None = None
        self.broken = ""

    def read(self, identity: str) -> Entry | None:
        path = self._path(identity)
        return None if path is None or self._keys is None else self._read(path, self._keys[1])

    def write(self, identity: str, entry: Entry) -> None:
        """Keep a session, and drop what has ended. One without an end is not kept on disk."""
        path = self._path(identity) if entry.credentials.expiration is not None else None
        if path is None or self._keys is None:
            return
        nonce = os.urandom(_NONCE)
        sealed = self._keys[1].encrypt(nonce, entry.to_json(), _MAGIC + path.name.encode())
        try:
            write_private(path, _MAGIC + nonce + sealed)
            self._prune()
        except OSError as error:
            self._give_up(str(error))

    def forget(self, identity: str) -> None:
        path = self._path(identity)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink()

    @contextlib.contextmanager
    def lock(self, identity: str, *, wait: bool) -> Iterator[bool]:
        path = self._path(identity)
        if path is None:
            yield True
            return
        with contextlib.ExitStack() as opened:
            try:
                make_private_directory(self.places.sessions)  # it may have been cleared away
                held = opened.enter_context(locked(path.with_suffix(_LOCK), wait=wait))
            except OSError as error:
                self._give_up(str(error))
                held = True
            yield held

    def entries(self) -> list[Entry]:
        """All that can be read and have not ended, those that end first at the front."""
        now = time.time()
        keys = self._opened()
        found = [self._read(path, keys[1]) for path in self._files(_ENTRY)] if keys else []
        good = [entry for entry in found if entry is not None and entry.left(now) > 0]
        return sorted(good, key=lambda entry: entry.left(now))

    def clear(self) -> int:
        """Drop every session, readable or not: how many there were. Raises OSError."""
        files = self._files(_ENTRY)
        for path in files:
            path.unlink(missing_ok=True)
        return len(files)

    def _files(self, suffix: str) -> list[Path]:
        try:
            return sorted(path for path in self.places.sessions.iterdir() if path.suffix == suffix)
        except FileNotFoundError:
            return []

    def _path(self, identity: str) -> Path | None:
        keys = self._opened()
        if keys is None:
            return None
        name = hmac.digest(keys[0], identity.encode(), "sha256").hex()[:40]
        return self.places.sessions / f"{name}{_ENTRY}"

    def _opened(self) -> "tuple[bytes, AESGCM] | None":
        """The key of names, and the cipher."""
        if self._keys is None and not self.broken:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

            try:
                make_private_directory(self.places.key.parent)
                make_private_directory(self.places.sessions)
                key = load_key(self.places.key, self._environ)
            except (OSError, CacheKeyError) as error:
                self._give_up(str(error))
                return None
            names, entries = (
                hmac.digest(key, purpose, "sha256") for purpose in (b"names", b"entries")
            )
            self._keys = names, AESGCM(entries)
        return self._keys

    def _read(self, path: Path, cipher: "AESGCM") -> Entry | None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only where it is used

        try:
            content = read_private(path, _MOST_BYTES)
        except OSError as error:
            self._give_up(str(error))
            return None
        if content is None:
            return None
        start = len(_MAGIC)
        nonce, sealed = content[start : start + _NONCE], content[start + _NONCE :]
        try:
            plain = cipher.decrypt(nonce, sealed, _MAGIC + path.name.encode())
            return entry_of_json(plain)
        except (InvalidTag, ValueError, KeyError, TypeError):
            _say(f"The cached session {path} cannot be read, and is dropped.")
            with contextlib.suppress(OSError):
                path.unlink()
            return None

    def _prune(self) -> None:
        oldest = time.time() - _LONGEST
        aged = sorted((path.stat().st_mtime, path) for path in self._files(_ENTRY))
        surplus = len(aged) - _MOST_ENTRIES
        for number, (written, path) in enumerate(aged):
            if written < oldest or number < surplus:
                path.unlink(missing_ok=True)
        for path in self._files(_LOCK):
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)

    def _give_up(self, why: str) -> None:
        if not self.broken:
            _say(f"The session cache is not used. {why}")
        self.broken = why
        self._keys = None


def _say(sentence: str) -> None:
    import logging  # noqa: PLC0415 - 10 ms, for what seldom happens

    logging.getLogger("daypass.client").warning(sentence)
