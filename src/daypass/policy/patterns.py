"""Matching text against patterns with `*`, `?` and policy variables, without regular expressions.

A pattern is a tuple of tokens. Matching is linear in the text for every pattern, so that nobody
who may write a policy can stall the evaluation: a regular expression with five stars needs
seconds for 200 characters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

Context = Mapping[str, str | Sequence[str]]
NO_KEYS: Final[Context] = MappingProxyType({})
Matcher = Callable[[str, Context], bool]


class Wildcard(Enum):
    """`*`, any characters or none; `?`, any one character."""

    STAR = "*"
    ANY = "?"


STAR, ANY = Wildcard.STAR, Wildcard.ANY


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable: the condition key it reads, in lower case, and its default text."""

    key: str
    default: str | None = None

    def resolve(self, context: Context) -> str | None:
        """Its text in this request. Only single-valued keys can be variables."""
        value = context.get(self.key)
        return value if type(value) is str else self.default


Token = str | Wildcard | Variable
Pattern = tuple[Token, ...]
Chunk = tuple[Token, ...]


def glob_tokens(text: str) -> Pattern:
    """The tokens of text in which `*` and `?` are wildcards and nothing else is special."""
    star = text.find("*")
    if "?" not in text:
        if star < 0:
            return (text,) if text else ()
        if star == len(text) - 1:
            return (text[:-1], STAR) if star else (STAR,)
    tokens: list[Token] = []
    for number, part in enumerate(text.split("*")):
        if number and (not tokens or tokens[-1] is not STAR):
            tokens.append(STAR)
        for place, literal in enumerate(part.split("?")):
            if place:
                tokens.append(ANY)
            if literal:
                tokens.append(literal)
    return tuple(tokens)


def literal_prefix(pattern: Pattern) -> str:
    """The literal text every match begins with."""
    return pattern[0] if pattern and isinstance(pattern[0], str) else ""


def compile_pattern(pattern: Pattern, *, prefix_known: bool = False) -> Matcher:
    """A function that says whether a whole text matches. An unresolved variable never matches.

    prefix_known: only texts are asked about that begin with the pattern's literal prefix.
    """
    chunks = _chunks(pattern)
    if any(isinstance(token, Variable) for token in pattern):
        return _match_variable(chunks, prefix_known) or _match_resolved(chunks)
    joined = [_join(chunk) for chunk in chunks]
    literals = [chunk for chunk in joined if isinstance(chunk, str)]
    if len(literals) == len(joined):
        return _match_literals(literals, prefix_known)
    return lambda text, _: _match_chunks(joined, text)


def _chunks(pattern: Pattern) -> list[Chunk]:
    """What stands between the stars; the first and the last are anchored."""
    chunks: list[list[Token]] = [[]]
    for token in pattern:
        if token is STAR:
            chunks.append([])
        else:
            chunks[-1].append(token)
    return [tuple(chunk) for chunk in chunks]


def _match_literals(chunks: list[str], prefix_known: bool) -> Matcher:
    first, middle, last = chunks[0], chunks[1:-1], chunks[-1]
    start = len(first)
    if len(chunks) == 1:
        return lambda text, _: text == first
    if not middle and not last:
        return lambda text, _: text.startswith(first)
    if not middle and not first:
        return lambda text, _: text.endswith(last)
    if not middle:
        shortest = len(first) + len(last)
        return lambda text, _: (
            text.startswith(first) and text.endswith(last) and len(text) >= shortest
        )
    if prefix_known and len(middle) == 1 and not last:
        only = middle[0]
        return lambda text, _: text.find(only, start) >= 0
    return lambda text, _: text.startswith(first) and _match_strings(start, middle, last, text)


def _match_variable(chunks: list[Chunk], prefix_known: bool) -> Matcher | None:
    """The usual shape, made fast: literal, variable, literal, then literal chunks."""
    head, rest = list(chunks[0]), [_join(chunk) for chunk in chunks[1:]]
    prefix = head.pop(0) if head and isinstance(head[0], str) else ""
    variable = head.pop(0) if head else ""
    tail = head.pop(0) if head else ""
    literals = [chunk for chunk in rest if isinstance(chunk, str)]
    if head or not isinstance(variable, Variable) or len(literals) != len(rest):
        return None
    if not isinstance(prefix, str) or not isinstance(tail, str):
        return None
    if any(isinstance(token, Variable) for chunk in chunks[1:] for token in chunk):
        return None
    key, default, start = variable.key, variable.default, len(prefix)
    middle, last = literals[:-1], literals[-1] if literals else ""

    def match(text: str, context: Context) -> bool:
        value = context.get(key)
        if type(value) is not str:
            if default is None:
                return False
            value = default
        value += tail
        if not text.startswith(value, start):
            return False
        if not prefix_known and not text.startswith(prefix):
            return False
        position = start + len(value)
        if not literals:
            return len(text) == position
        return _match_strings(position, middle, last, text)

    return match


def _match_strings(position: int, middle: Sequence[str], last: str, text: str) -> bool:
    """Whether the text goes on from position with the chunks and ends with the last. Leftmost
    search for each is enough: a later place leaves less for the next ones."""
    end = len(text) - len(last)
    if end < position or not text.endswith(last):
        return False
    for chunk in middle:
        found = text.find(chunk, position, end)
        if found < 0:
            return False
        position = found + len(chunk)
    return True


def _match_resolved(chunks: list[Chunk]) -> Matcher:
    """Variables are replaced for each request; a value is literal text, whatever is in it."""

    def match(text: str, context: Context) -> bool:
        resolved: list[str | Chunk] = []
        for chunk in chunks:
            if len(chunk) == 1 and isinstance(chunk[0], str):
                resolved.append(chunk[0])
                continue
            pieces: list[Token] = []
            for token in chunk:
                if isinstance(token, Variable):
                    value = token.resolve(context)
                    if value is None:
                        return False
                    pieces.append(value)
                else:
                    pieces.append(token)
            resolved.append(_join(tuple(pieces)))
        return _match_chunks(resolved, text)

    return match


def _join(chunk: Chunk) -> str | Chunk:
    """The chunk as one string if it has no `?`, else one token for each character."""
    if not any(token is ANY for token in chunk):
        return "".join(token for token in chunk if isinstance(token, str))
    tokens: list[Token] = []
    for token in chunk:
        tokens.extend(token if isinstance(token, str) else (token,))
    return tuple(tokens)


def _match_chunks(chunks: Sequence[str | Chunk], text: str) -> bool:
    first, last = chunks[0], chunks[-1]
    if len(chunks) == 1:
        return len(text) == len(first) and _matches_at(first, text, 0)
    position, end = len(first), len(text) - len(last)
    if end < position or not _matches_at(first, text, 0) or not _matches_at(last, text, end):
        return False
    for chunk in chunks[1:-1]:
        found = _find(chunk, text, position, end)
        if found < 0:
            return False
        position = found + len(chunk)
    return True


def _matches_at(chunk: str | Chunk, text: str, position: int) -> bool:
    if isinstance(chunk, str):
        return text.startswith(chunk, position)
    return all(token is ANY or token == text[position + place] for place, token in enumerate(chunk))


def _find(chunk: str | Chunk, text: str, start: int, end: int) -> int:
    """The leftmost place of the chunk in text[start:end], or -1."""
    if isinstance(chunk, str):
        return text.find(chunk, start, end)
    # Shift-and: bit n says that the last n+1 characters match the first n+1 of the chunk. One
    # step for each character, however the pattern is made.
    anywhere, places = 0, dict[str, int]()
    for place, token in enumerate(chunk):
        if isinstance(token, str):
            places[token] = places.get(token, 0) | 1 << place
        else:
            anywhere |= 1 << place
    state, whole = 0, 1 << len(chunk) - 1
    for position in range(start, end):
        state = (state << 1 | 1) & (places.get(text[position], 0) | anywhere)
        if state & whole:
            return position - len(chunk) + 1
    return -1
