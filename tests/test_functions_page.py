"""The tour of docs/functions.md, run as it stands."""

import json
import re
import subprocess
from pathlib import Path

from tests.conftest import Server
from tests.functions import create_role

PAGE = Path(__file__).parent.parent / "docs" / "functions.md"


def test_the_tour_works_as_it_is_written(server: Server, tmp_path: Path) -> None:
    section = PAGE.read_text().partition("## Try it\n")[2].partition("\n## ")[0]
    commands = "\n".join(re.findall(r"(?m)^    (.*)$", section))
    ended = subprocess.run(
        ["bash", "-euxc", commands],
        cwd=tmp_path,
        env={**server.environment(), "ROLE": create_role(server, "page-tour")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads((tmp_path / "answer.json").read_text()) in [
        "Hello from version 1",
        "Hello from version 2",
    ]
    client = server.client("lambda")
    alias = client.get_alias(FunctionName="greeter", Name="live")
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.1}}
    events = client.get_function_event_invoke_config(FunctionName="greeter", Qualifier="live")
    assert (events["MaximumRetryAttempts"], events["MaximumEventAgeInSeconds"]) == (0, 3600)
