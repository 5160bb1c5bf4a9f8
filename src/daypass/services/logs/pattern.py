"""Filter patterns of CloudWatch Logs: terms, and selections from events that are JSON.

CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters, filter
log events, and Live Tail". Patterns of space-delimited fields and regular expressions are refused.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

Matcher = Callable[[str], bool]

_TERM: Final = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))\s*')
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<selector>\$(?:\.[A-Za-z0-9_@-]+|\[(?:\d+|\*)\]|\[\"[^\"]+\"\])+)|"
    r"(?P<quoted>\"(?:[^\"\\]|\\.)*\")|(?P<symbol>&&|\|\||!=|<=|>=|[()<>=])|"
    r"(?P<word>[^\s()<>=!&|\"]+))"
)
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_STEP: Final = re.compile(r"\.([A-Za-z0-9_@-]+)|\[(\d+|\*)\]|\[\"([^\"]+)\"\]")


class PatternError(ValueError):
    """A pattern that cannot be used; the text says why."""


def compile_filter(pattern: str) -> Matcher | None:
    """Whether an event matches; None where every event does. Raises `PatternError`."""
    text = pattern.strip()
    if not text:
        return None
    if text.startswith("{"):
        if not text.endswith("}"):
            raise PatternError("a selection from JSON ends with }")
        return _compile_selection(text[1:-1])
    if text.startswith("["):
        raise PatternError("patterns of space-delimited fields are not supported by this server")
    if text.startswith("%") and text.endswith("%") and len(text) > 1:
        raise PatternError("regular expressions are not supported by this server")
    return _compile_terms(text)


def _compile_terms(text: str) -> Matcher:
    """All plain terms, one of those after ?, and none of those after -. Case counts."""
    needed: list[str] = []
    options: list[str] = []
    refused: list[str] = []
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise PatternError("a quotation mark is not closed")
        quoted, plain = match[2], match[3]
        term = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        {"": needed, "?": options, "-": refused}[match[1]].append(term)
        position = match.end()

    def matches(message: str) -> bool:
        if any(term in message for term in refused):
            return False
        # AWS: an optional term beside a plain one is not asked for.
        if needed:
            return all(term in message for term in needed)
        return not options or any(term in message for term in options)

    return matches


_Condition = Callable[[Any], bool]


def _compile_selection(text: str) -> Matcher:
    condition = _Selection(text).read()

    def matches(message: str) -> bool:
        try:
            document = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return condition(document)

    return matches


class _Selection:
    """Reads `$.a = 1 && ($.b = "x*" || $.c IS NULL)`."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise PatternError(f"{text[position:].strip()[:20]!r} is not understood")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        self._tokens.reverse()
        self._depth = 0

    def read(self) -> _Condition:
        condition = self._either()
        if self._tokens:
            raise PatternError(f"{self._tokens[-1][1]!r} is one too many")
        return condition

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise PatternError("it ends too early")
        return self._tokens.pop()

    def _follows(self, symbol: str) -> bool:
        if self._tokens and self._tokens[-1][1] == symbol:
            self._tokens.pop()
            return True
        return False

    def _either(self) -> _Condition:
        choices = [self._both()]
        while self._follows("||"):
            choices.append(self._both())
        return lambda document: any(choice(document) for choice in choices)

    def _both(self) -> _Condition:
        parts = [self._one()]
        while self._follows("&&"):
            parts.append(self._one())
        return lambda document: all(part(document) for part in parts)

    def _one(self) -> _Condition:
        if self._follows("("):
            self._depth += 1
            if self._depth > 20:
                raise PatternError("it is nested too deeply")
            inner = self._either()
            self._depth -= 1
            if not self._follows(")"):
                raise PatternError("a parenthesis is not closed")
            return inner
        kind, selector = self._next()
        if kind != "selector":
            raise PatternError(f"{selector!r} is no selector; those begin with $.")
        find = _compile_selector(selector)
        _, operator = self._next()
        if operator in ("IS", "NOT"):
            return _existence(find, operator, self._next()[1])
        kind, value = self._next()
        test = _comparison(operator, kind, value)
        return lambda document: any(test(found) for found in find(document))


def _compile_selector(selector: str) -> Callable[[Any], list[Any]]:
    steps: list[str | int | None] = []
    for match in _STEP.finditer(selector):
        name, index, quoted = match.groups()
        if index is None:
            steps.append(quoted if name is None else name)
        else:
            steps.append(None if index == "*" else int(index))

    def find(document: Any) -> list[Any]:
        found = [document]
        for step in steps:
            found = [inner for value in found for inner in _descend(value, step)]
        return found

    return find


def _descend(value: Any, step: str | int | None) -> list[Any]:
    if isinstance(step, str):
        return [value[step]] if isinstance(value, dict) and step in value else []
    if not isinstance(value, list):
        return []
    return value if step is None else value[step : step + 1]


def _existence(find: Callable[[Any], list[Any]], operator: str, what: str) -> _Condition:
    if operator == "NOT" and what == "EXISTS":
        return lambda document: not find(document)
    wanted = {"NULL": None, "TRUE": True, "FALSE": False}
    if operator == "NOT" or what not in wanted:
        raise PatternError(f"{operator} {what} is none of IS NULL, IS TRUE, IS FALSE, NOT EXISTS")
    return lambda document: any(found is wanted[what] for found in find(document))


def _comparison(operator: str, kind: str, value: str) -> _Condition:
    if kind == "word" and _NUMBER.fullmatch(value):
        return _numeric(operator, float(value))
    if operator not in ("=", "!="):
        raise PatternError(f"{operator} compares with a number, and {value!r} is none")
    text = json.loads(value) if kind == "quoted" else value
    first, *others = text.split("*")

    def equal(found: Any) -> bool:
        return isinstance(found, str) and _fits(found, first, others)

    return equal if operator == "=" else lambda found: not equal(found)


def _fits(text: str, first: str, others: list[str]) -> bool:
    """Whether it is `first` and the others with anything between them. Takes one pass, whatever the
    pattern: a regular expression with many stars would not."""
    if not others:
        return text == first
    *between, last = others
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for part in between:
        position = text.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def _numeric(operator: str, number: float) -> _Condition:
    compare: dict[str, Callable[[float], bool]] = {
        "=": lambda found: found == number,
        "!=": lambda found: found != number,
        "<": lambda found: found < number,
        "<=": lambda found: found <= number,
        ">": lambda found: found > number,
        ">=": lambda found: found >= number,
    }
    if operator not in compare:
        raise PatternError(f"{operator!r} is no comparison")
    test = compare[operator]

    def check(found: Any) -> bool:
        return isinstance(found, int | float) and not isinstance(found, bool) and test(found)

    return check
