"""The README's tour of five minutes, run as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Server, start_server, stop_server

README = Path(__file__).parent.parent / "README.md"


def tour() -> str:
    """The commands of the tour in their order, but for those that start the server."""
    section = README.read_text().partition("## Five minutes\n")[2].partition("\n## ")[0]
    lines = re.findall(r"(?m)^    (.*)$", re.sub(r"(?s)```.*?```", "", section))
    return "\n".join(line for line in lines if not line.startswith("make "))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as the tour's reader sees it: the examples, a virtual environment, a server."""
    place = tmp_path_factory.mktemp("tour")
    (place / "examples").symlink_to(README.parent / "examples")
    (place / ".venv").mkdir()
    (place / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    return place


def test_the_tour_works_as_it_is_written(place: Path) -> None:
    server: Server = start_server(place / "daypass-data")
    try:
        ended = subprocess.run(
            ["bash", "-x", "-c", tour()],
            cwd=place,
            env=server.environment(),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        stop_server(server)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    assert f"arn:aws:iam::{server.account_id}:root" in said
    assert re.search(r"\n[-0-9]+ [:0-9]+ +6 hello\.txt\n", said), "the role's session lists"
    refused = "is not authorized to perform: s3:DeleteObject"
    assert refused in said, "and may not delete"
    assert "HTTP/1.1 200 OK" in ended.stdout, "the function URL serves a signed call"
    assert "revoked: role reader" in said
    assert said.count("An error occurred") == 1, said
