"""Policy variables: `${key}`, `${key, 'default'}` and the escapes `${*}`, `${?}`, `${$}`."""

from daypass.policy.patterns import Pattern, Token, Variable, glob_tokens

ESCAPES = frozenset("*?$")


class VariableError(ValueError):
    """Text with a `${` that is not a variable."""


def parse_template(text: str, *, wildcards: bool, variables: bool) -> Pattern:
    """The tokens of a policy's text.

    wildcards: whether `*` and `?` are wildcards (not in StringEquals). variables: whether `${`
    is special; it is in Version 2012-10-17. Raises `VariableError`.
    """
    if not variables or "${" not in text:
        return _plain(text, wildcards)
    tokens: list[Token] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        tokens += _plain(text[position:start], wildcards)
        token, position = _variable(text, start)
        tokens.append(token)
    tokens += _plain(text[position:], wildcards)
    return _merged(tokens)


def _plain(text: str, wildcards: bool) -> Pattern:
    if wildcards:
        return glob_tokens(text)
    return (text,) if text else ()


def _variable(text: str, start: int) -> tuple[Token, int]:
    """The token of the `${…}` at start, and where it ends. A quoted default may hold a brace."""
    quote = text.find("'", start)
    end = text.find("}", start)
    if 0 <= quote < end:
        closing = text.find("'", quote + 1)
        end = text.find("}", closing) if closing >= 0 else -1
    if end < 0:
        raise VariableError(f"the variable at {text[start : start + 20]!r} does not end")
    inner = text[start + 2 : end]
    if inner in ESCAPES:
        return inner, end + 1
    key, comma, rest = inner.partition(",")
    key = key.strip().lower()
    if not key or any(character in key for character in "${}*? '"):
        raise VariableError(f"{text[start : end + 1]!r} does not name a condition key")
    if not comma:
        return Variable(key), end + 1
    default = rest.strip()
    if len(default) < 2 or default[0] != "'" or default[-1] != "'" or "'" in default[1:-1]:
        raise VariableError(f"the default in {text[start : end + 1]!r} is not in single quotes")
    return Variable(key, default[1:-1]), end + 1


def _merged(tokens: list[Token]) -> Pattern:
    merged: list[Token] = []
    for token in tokens:
        if merged and isinstance(token, str) and isinstance(merged[-1], str):
            merged[-1] += token
        else:
            merged.append(token)
    return tuple(merged)


def has_variable(pattern: Pattern) -> bool:
    """Whether the pattern depends on the request."""
    return any(isinstance(token, Variable) for token in pattern)


def split_segments(text: str) -> list[str]:
    """The segments of an ARN or a pattern of one, six at most. A colon within `${…}` does not
    separate."""
    if "${" not in text:
        return text.split(":", 5)
    segments: list[str] = []
    start = 0
    inside = False
    for place, character in enumerate(text):
        if character == "{" and text[place - 1 : place] == "$":
            inside = True
        elif character == "}":
            inside = False
        elif character == ":" and not inside and len(segments) < 5:
            segments.append(text[start:place])
            start = place + 1
    return [*segments, text[start:]]
