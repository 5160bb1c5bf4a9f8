"""The page about the sandbox, run as it stands."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import start_server, stop_server
from tests.namespaces import refused

PAGE = Path(__file__).parent.parent / "docs" / "sandbox.md"


@pytest.mark.skipif(bool(refused()), reason=f"no namespaces here: {refused()}")
def test_what_it_says_to_try_works(tmp_path: Path) -> None:
    section = PAGE.read_text().partition("## Try it\n")[2].partition("\n## ")[0]
    commands = "\n".join(re.findall(r"(?m)^    (.*)$", section))
    server = start_server(tmp_path / "daypass-data")
    try:
        ended = subprocess.run(
            ["bash", "-euc", commands],
            cwd=tmp_path,
            env=server.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        stop_server(server)
    said = ended.stdout
    assert ended.returncode == 0, said + ended.stderr
    root = f"arn:aws:iam::{server.account_id}:root"
    assert f'"Arn": "{root}"' in said
    assert f"I am {root}\n" in said
    assert "\nhello\n" in said
