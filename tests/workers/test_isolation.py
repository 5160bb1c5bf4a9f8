"""What the server says of the isolation of functions, and what it refuses."""

from pathlib import Path

import pytest

from daypass.workers import IsolationError
from daypass.workers.isolation import Isolation, readable_paths, refuse_readable


@pytest.mark.parametrize(
    ("version", "beginning", "part"),
    [
        (0, "process (", "run only functions you trust"),
        (3, "landlock (", "files confined by Landlock 3"),
        (7, "landlock (", "files, signals confined by Landlock 7"),
    ],
)
def test_the_level_is_said_in_one_line(version: int, beginning: str, part: str) -> None:
    line = Isolation(version).describe()
    assert line.startswith(beginning)
    assert part in line
    assert "\n" not in line


def test_data_that_functions_could_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsolationError, match="/var/lib/daypass"):
        refuse_readable(Path("/usr/share/daypass"), readable_paths())
    link = tmp_path / "link"
    link.symlink_to("/usr/share")
    with pytest.raises(IsolationError):
        refuse_readable(link / "daypass", readable_paths())
    refuse_readable(tmp_path / "data", readable_paths())
