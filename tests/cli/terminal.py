"""A program on a pseudo-terminal of its own, as a person has it before them."""

import os
import pty
import re
import select
import time

_PATIENCE = 20.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """The running program. `text` is all it wrote so far, without escape sequences."""

    def __init__(self, arguments, environment, stdout=None):
        self._child, self._descriptor = pty.fork()
        if self._child == 0:
            if stdout is not None:  # a file: as `$(…)` and SDKs capture it
                os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT, 0o600), 1)
                os.dup2(os.open(f"{stdout}.err", os.O_WRONLY | os.O_CREAT, 0o600), 2)
            os.execvpe(arguments[0], arguments, environment)
        self.raw = ""

    @property
    def text(self):
        return _ESCAPES.sub("", self.raw).replace("\r", "")

    def expect(self, text):
        """Wait until it has written this."""
        ends = time.monotonic() + _PATIENCE
        while text not in self.text:
            assert time.monotonic() < ends, f"no {text!r} in {self.text!r}"
            if not self._read(0.2):
                assert text in self.text, f"it ended without {text!r}: {self.text!r}"
                return

    def send(self, keys):
        os.write(self._descriptor, keys.encode())

    def end(self):
        """Its exit code, once it has ended."""
        ends = time.monotonic() + _PATIENCE
        while self._read(0.2):
            assert time.monotonic() < ends, f"it does not end: {self.text!r}"
        _, status = os.waitpid(self._child, 0)
        os.close(self._descriptor)
        return os.waitstatus_to_exitcode(status)

    def _read(self, seconds):
        """Whether there may be more."""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return True
        try:
            piece = os.read(self._descriptor, 65536)
        except OSError:  # how Linux tells that the other end is closed
            return False
        self.raw += piece.decode(errors="replace")
        return bool(piece)
