"""Where the credentials of these tests come from."""

from daypass.sigv4 import Credentials


class Clock:
    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


class Sessions:
    """New credentials at each call, of this many seconds, or an error."""

    def __init__(self, clock, seconds=3600.0):
        self.clock = clock
        self.seconds = seconds
        self.error = None
        self.calls = 0

    def credentials(self):
        self.calls += 1
        if self.error is not None:
            raise self.error
        ends = self.clock() + self.seconds
        return Credentials(
            f"ASIA{self.calls:016}", f"secret-{self.calls}", f"token-{self.calls}", ends
        )
