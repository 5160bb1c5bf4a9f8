"""The examples of the page on policies and of `--help`, run as they stand."""

import shlex
from pathlib import Path

import pytest

from tests.cli.policies import allow, document, trust
from tests.cli.running import daypass

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"


def commands(text):
    """The commands of a text, continued lines joined, without what pipes into them."""
    joined = text.replace("\\\n", " ")
    found = [line.rpartition("| ")[2].strip() for line in joined.splitlines()]
    return [shlex.split(line)[1:] for line in found if line.startswith("daypass policy ")]


def code_blocks(language):
    parts = PAGE.read_text(encoding="utf-8").split("```")
    return [part.removeprefix(language) for part in parts[1::2] if part.startswith(f"{language}\n")]


@pytest.fixture
def the_pages_policies(write):
    names = {}
    exec(compile(code_blocks("python")[0], str(PAGE), "exec"), names)
    write("developers.json", names["identity"].text)
    write("fence.json", names["boundary"].text)


@pytest.mark.usefixtures("the_pages_policies")
def test_the_pages_commands_print_what_it_shows():
    lint, simulate = commands(code_blocks("sh")[0])
    assert daypass(*lint).code == 0
    ended = daypass(*simulate)
    assert ended.code == 1
    (shown,) = [block for block in code_blocks("") if block.startswith("\nDecision")]
    assert ended.out == shown.lstrip("\n")


@pytest.mark.usefixtures("the_pages_policies")
@pytest.mark.parametrize("name", ["lint", "simulate", "explain"])
def test_the_examples_of_help_work(server, write, name):
    write("policies/reader.json", document(allow("s3:ListAllMyBuckets")))
    examples = daypass("policy", name, "--help").out.partition("Example")[2].partition("Options:")
    found = commands(examples[0])
    assert len(found) == 2
    piped = {
        "lint": trust({"AWS": server.account_id}),
        "explain": f"An error occurred (AccessDenied) when calling the ListRoles operation: User: "
        f"arn:aws:iam::{server.account_id}:root is not authorized to perform: iam:ListRoles on "
        f"resource: arn:aws:iam::{server.account_id}:role/ with an explicit deny in a service "
        "control policy",
    }.get(name, "")
    for example in found:
        ended = daypass(*example, env=server.environment(), stdin=piped.encode())
        assert ended.code in (0, 1), ended
        assert ended.out
        assert not ended.err or ended.err.startswith("\nAsked about")
