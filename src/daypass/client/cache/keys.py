"""The key of the session cache: in the system's keyring where there is one, else in a file.

It is made once, and it is noted where it was put: a keyring that is locked today must not lead to
a second key.
"""

import base64
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from daypass.client.cache.files import read_private, write_private
from daypass.client.cache.locks import locked

_BYTES: Final = 32
_SERVICE: Final = "daypass"
_NAME: Final = "session cache"
_IN_KEYRING: Final = b"in the keyring\n"


class CacheKeyError(Exception):
    """The key is out of reach; the text says why."""


def load_key(path: Path, environ: Mapping[str, str] = os.environ) -> bytes:
    """The key, made if there is none. path: of the key file, or of the note that it is in the
    keyring; its directory is there. Raises `CacheKeyError`, OSError."""
    content = read_private(path, 1024)
    if content is None:
        with locked(path.with_suffix(".lock"), wait=True):
            content = read_private(path, 1024) or _make(path, environ)
    if content == _IN_KEYRING:
        return _from_keyring()
    return _decoded(content, f"{path} is no key of Daypass: remove it, and a new one is made.")


def where(path: Path) -> str:
    """Where the key is, for people: "keyring", "file", or "nowhere" before it is made."""
    content = read_private(path, 1024)
    if content is None:
        return "nowhere"
    return "keyring" if content == _IN_KEYRING else "file"


def _make(path: Path, environ: Mapping[str, str]) -> bytes:
    key = base64.b64encode(os.urandom(_BYTES))
    content = _IN_KEYRING if _to_keyring(key.decode("ascii"), environ) else key + b"\n"
    write_private(path, content)
    return content


def _decoded(text: bytes, otherwise: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise CacheKeyError(otherwise)
    return key


def _to_keyring(key: str, environ: Mapping[str, str]) -> bool:
    """Whether it was put there, and comes back."""
    if environ.get("DAYPASS_KEYRING", "").lower() == "off":
        return False
    if importlib.util.find_spec("keyring") is None:
        return False
    import keyring  # noqa: PLC0415 - an extra, and slow
    from keyring.errors import KeyringError  # noqa: PLC0415

    # Below 1 are the backends that keep nothing, or keep it in plain text.
    if keyring.get_keyring().priority < 1:
        return False
    try:
        keyring.set_password(_SERVICE, _NAME, key)
        return keyring.get_password(_SERVICE, _NAME) == key
    except (KeyringError, OSError, RuntimeError):
        return False


def _from_keyring() -> bytes:
    try:
        import keyring  # noqa: PLC0415 - see above
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ImportError:
        raise CacheKeyError("The key is in the keyring: pip install 'daypass[keyring]'.") from None
    try:
        text = keyring.get_password(_SERVICE, _NAME)
    except (KeyringError, OSError, RuntimeError) as error:
        raise CacheKeyError(f"The keyring cannot be read: {type(error).__name__}.") from error
    return _decoded((text or "").encode(), "The keyring has lost the key: `daypass cache clear`.")
