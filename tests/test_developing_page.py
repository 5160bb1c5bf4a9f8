"""The commands of docs/developing.md, run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import Server

PAGE = Path(__file__).parent.parent / "docs" / "developing.md"


def test_the_page_works_as_it_is_written(server: Server, tmp_path: Path) -> None:
    commands = "\n".join(re.findall(r"(?s)```bash\n(.*?)```", PAGE.read_text()))
    environment = server.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    ended = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    assert "function shop created" in said
    assert re.search(r"asked for \{'id': 7\}", ended.stderr), "the tail of the log"
    assert re.search(r"Z  asked for \{'id': 7\}", ended.stdout), "the log itself"
    assert '"stage": "dev"' in ended.stdout, "the URL, called with a signature"
    assert '\\"stage\\": \\"test\\"' in ended.stdout, "a function of the template"
    assert "accepted as" in ended.stderr
