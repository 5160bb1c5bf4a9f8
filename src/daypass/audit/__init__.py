"""The audit trail: who did what and how it was decided, in a chain of lines nobody edits unseen."""

from daypass.audit.chain import Broken, Verified, verify
from daypass.audit.reading import Position, follow, last_lines, read_from
from daypass.audit.segments import TrailError
from daypass.audit.trail import Trail

__all__ = [
    "Broken",
    "Position",
    "Trail",
    "TrailError",
    "Verified",
    "follow",
    "last_lines",
    "read_from",
    "verify",
]
