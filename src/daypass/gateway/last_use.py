"""When and from where sessions were used last: kept in memory, and written down now and then."""

from collections.abc import Mapping
from typing import Final

# Sessions whose last use waits to be written. Beyond it, that of further ones is not noted until
# these are.
_KEPT: Final = 10_000


class LastUses:
    """The last uses, by accessor, that one process has seen since they were written."""

    __slots__ = ("_uses",)

    def __init__(self) -> None:
        self._uses: dict[str, tuple[float, str]] = {}

    def note(self, accessor: str, now: float, address: str) -> None:
        """A session was used, at `now`, from an address. It costs a fraction of a microsecond."""
        if len(self._uses) < _KEPT or accessor in self._uses:
            self._uses[accessor] = (now, address)

    def take(self) -> Mapping[str, tuple[float, str]]:
        """What was noted since the last time."""
        taken, self._uses = self._uses, {}
        return taken
