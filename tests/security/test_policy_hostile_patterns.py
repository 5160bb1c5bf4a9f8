"""Patterns made to stall the evaluation.

Anybody who may write a policy, or send a session policy, writes patterns. With a regular
expression the first of these would not end in the lifetime of the machine; here each is one pass
over the text.
"""

import ast
from pathlib import Path

import pytest

import daypass.policy
from daypass.policy.patterns import compile_pattern, glob_tokens
from tests.policy.asking import ask


@pytest.mark.parametrize(
    "pattern",
    [
        "*a*a*a*a*a*b?",
        "*" + "a*" * 500 + "b",
        "*" + "?a" * 500 + "*b",
        "a?" * 1000 + "*b",
        "*" + "?" * 2000 + "*b",
        "*" * 5000 + "b",
    ],
)
def test_many_stars_against_a_long_text(pattern: str) -> None:
    assert not compile_pattern(glob_tokens(pattern))("a" * 10_000, {})


def test_a_hostile_session_policy_and_a_long_key() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "s3:" + "*a" * 100,
        "Resource": "arn:aws:s3:::bucket/" + "*a" * 400 + "?b",
        "Condition": {"StringLike": {"aws:UserAgent": "*" + "a?*" * 300}},
    }
    context = {"aws:useragent": "a" * 10_000}
    asked = ask(statement, resource="arn:aws:s3:::bucket/" + "a" * 1024, context=context)
    assert not asked.allowed


def test_hostile_values_of_variables() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "*",
        "Resource": "arn:aws:s3:::bucket/*${aws:userid}*${aws:userid}*?b",
    }
    context = {"aws:userid": "*a" * 2000}
    assert not ask(
        statement, resource="arn:aws:s3:::bucket/" + "*a" * 5000, context=context
    ).allowed


def test_ten_thousand_statements_are_one_policy_like_another() -> None:
    statements = [
        {"Effect": "Deny", "Action": "s3:*", "Resource": f"arn:aws:s3:::bucket-{number}/*"}
        for number in range(2_000)
    ]
    statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    assert ask(*statements, resource="arn:aws:s3:::bucket/x").allowed
    assert not ask(*statements, resource="arn:aws:s3:::bucket-1999/x").allowed


def test_the_evaluation_knows_no_regular_expressions() -> None:
    package = Path(daypass.policy.__file__).parent
    for module in package.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"re", "fnmatch", "regex"} & set(names), module
