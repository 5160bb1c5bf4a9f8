"""Filter patterns, by the examples of the CloudWatch Logs user guide."""

import pytest

from daypass.services.logs.pattern import PatternError, compile_filter

ERRORS = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
]
EVENT = """{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value",
"another value"], "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject":
null, "ThisFlag": true, "bandwidth": 75}"""


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ERRORS),
        ("ERROR", ERRORS),
        ("ERROR ARGUMENTS", ERRORS[2:]),
        ("?ERROR ?ARGUMENTS", ERRORS),
        ("?UNAUTHORIZED ?INVALID", [ERRORS[1], ERRORS[3]]),
        ('"INVALID ARGUMENTS"', [ERRORS[3]]),
        ("ERROR -ARGUMENTS", ERRORS[:2]),
        ("error", []),
        ('-"BAD REQUEST"', ERRORS[1:]),
    ],
)
def test_terms(pattern, expected):
    matches = compile_filter(pattern)
    assert [text for text in ERRORS if matches is None or matches(text)] == expected


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "UpdateTrail" }',
        "{ $.eventType = UpdateTrail }",
        "{ $.sourceIPAddress != 123.123.* }",
        '{ $.arrayKey[0] = "value" }',
        "{ $.objectList[1].id = 2 }",
        '{ $.objectList[*].name = "b" }',
        "{ $.SomeObject IS NULL }",
        "{ $.SomeOtherObject NOT EXISTS }",
        "{ $.ThisFlag IS TRUE }",
        "{ $.bandwidth >= 75 && $.bandwidth < 75.5 }",
        '{ ($.eventType = "x" || $.bandwidth = 7.5e1) && $["eventType"] = "*Trail" }',
        "{ $.eventType = U*d*Tr*l }",
    ],
)
def test_selections_from_json_that_match(pattern):
    matches = compile_filter(pattern)
    assert matches is not None
    assert matches(EVENT)
    assert not matches("{}" if "NOT EXISTS" not in pattern else "plain text")


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.eventType = "CreateTrail" }',
        "{ $.bandwidth > 75 }",
        '{ $.bandwidth = "75" }',
        "{ $.objectList[9].id = 2 }",
        "{ $.ThisFlag IS FALSE }",
        "{ $.eventType NOT EXISTS }",
    ],
)
def test_selections_from_json_that_do_not(pattern):
    matches = compile_filter(pattern)
    assert matches is not None
    assert not matches(EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        '"open',
        "{ $.a = 1",
        "{ a = 1 }",
        "{ $.a }",
        "{ $.a > b }",
        "{ ($.a = 1 }",
        "{ $.a = 1 ) }",
        "{ $.a IS MAYBE }",
        "[ip, user, status]",
        "%ERROR [0-9]+%",
        "{" + "(" * 100 + " $.a = 1 " + ")" * 100 + "}",
        "{ $.a[x] = 1 }",
    ],
)
def test_what_is_not_understood_is_refused(pattern):
    with pytest.raises(PatternError):
        compile_filter(pattern)
