"""Several worker processes on the same listeners: started, started anew when one dies, stopped."""

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

from daypass.server.config import ServerError

Work = Callable[[Callable[[], None], int], None]
"""What a worker does: call the first argument when it answers, stop when the second one ends."""

_RESTART_SECONDS = 1.0


def supervise(count: int, work: Work, announce: Callable[[], None]) -> None:
    """Run `count` workers until SIGTERM or SIGINT; `announce` when all of them answer.

    Raises `ServerError` if a worker cannot start. Workers end when this process does, however.
    """
    team = _Team(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: team.stop())
    try:
        for _ in range(count):
            team.start_one()
        if not team.stopping:
            announce()
        while team.wait_for_one() and not team.stopping:
            time.sleep(_RESTART_SECONDS)
            team.start_one()
    finally:
        team.stop()
        while team.wait_for_one():
            pass


class _Team:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._alive_read, self._alive_write = os.pipe()
        self._pids: set[int] = set()
        self.stopping = False

    def start_one(self) -> None:
        """Start a worker and wait until it answers."""
        if self.stopping:
            return
        started_read, started_write = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(self._alive_write)
            os.close(started_read)
            self._run(started_write)
        self._pids.add(pid)
        os.close(started_write)
        answered = os.read(started_read, 1)
        os.close(started_read)
        if not answered and not self.stopping:
            raise ServerError("A worker process could not start. Its error stands above.")

    def _run(self, started_write: int) -> None:
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            self._work(lambda: _say(started_write), self._alive_read)
            code = 0
        except BaseException:  # the process ends here, whatever it was
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def wait_for_one(self) -> bool:
        """Wait until a worker ends. False when there is none."""
        if not self._pids:
            return False
        pid, _ = os.wait()
        self._pids.discard(pid)
        return True

    def stop(self) -> None:
        self.stopping = True
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _say(descriptor: int) -> None:
    os.write(descriptor, b".")
    os.close(descriptor)
