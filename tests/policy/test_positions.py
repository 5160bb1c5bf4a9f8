"""Statements are found where they stand in the text."""

import json

import pytest

from daypass.policy import PolicyKind, parse_policy, statement_positions
from daypass.policy.positions import Position

STATEMENT = '{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}'


def slices(text: str) -> list[str]:
    """The text between the positions, taken by lines and columns."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]

    def offset(position: Position) -> int:
        return starts[position.line - 1] + position.column

    policy = parse_policy(text, PolicyKind.IDENTITY)
    return [text[offset(first) : offset(last)] for first, last in statement_positions(policy)]


@pytest.mark.parametrize(
    "text",
    [
        f'{{"Version":"2012-10-17","Statement":{STATEMENT}}}',
        f'\n {{ "Statement" :\n\t{STATEMENT} , "Id" : "Statement" }}',
    ],
)
def test_one_statement(text: str) -> None:
    assert slices(text) == [STATEMENT]


def test_statements_in_a_list_that_is_printed_for_people() -> None:
    documents = [
        {"Sid": f"S{n}", "Effect": "Allow", "Action": ["s3:*", "a:}]"], "Resource": "*"}
        for n in range(4)
    ]
    text = json.dumps({"Id": 'x"Statement": [', "Statement": documents}, indent=3)
    found = slices(text)
    assert [json.loads(each) for each in found] == documents


def test_positions_count_lines_from_one_and_columns_from_zero() -> None:
    policy = parse_policy(f'{{"Statement":\n  {STATEMENT}}}', PolicyKind.IDENTITY)
    ((first, last),) = statement_positions(policy)
    assert first == Position(2, 2)
    assert last == Position(2, 2 + len(STATEMENT))
