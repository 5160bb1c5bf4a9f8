"""What a check finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from daypass.policy.documents import Statement


class Severity(StrEnum):
    """ERROR: it cannot work as written. WARNING: it works and is likely to allow too much, or
    deny too little. NOTE: worth a look."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. code: its name, stable. path: where, as a JSON path. remedy: what to write."""

    code: str
    severity: Severity
    path: str
    message: str
    remedy: str

    def text(self) -> str:
        """For people, in two lines."""
        return f"{self.severity}: {self.message} ({self.path}, {self.code})\n  {self.remedy}"


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
# A check of one statement, which stands at a JSON path.
Rule = Callable[[Statement, str], Iterator[Finding]]
