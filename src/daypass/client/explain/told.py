"""An explanation, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Told:
    """what happened, why, and what to do: sentences. facts: by label, for people and programs.
    detail: lines to read at length."""

    what: str
    why: tuple[str, ...] = ()
    do: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""

    def data(self) -> dict[str, object]:
        """JSON-ready, without what is empty."""
        members: dict[str, object] = {
            "What": self.what,
            "Why": list(self.why),
            "Do": list(self.do),
            "Facts": dict(self.facts),
            "Detail": self.detail,
        }
        return {name: value for name, value in members.items() if value}
