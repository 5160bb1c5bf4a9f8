"""Statements compiled to matchers, and the index that finds those that concern a resource."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

from daypass.policy.conditions import Check, compile_condition
from daypass.policy.documents import Effect, Policy, PrincipalElement, Statement
from daypass.policy.patterns import (
    NO_KEYS,
    STAR,
    Context,
    Matcher,
    Variable,
    compile_pattern,
    glob_tokens,
    literal_prefix,
)
from daypass.policy.principals import FULL, NONE, Grant, NamedPrincipals, Principal, name_principals
from daypass.policy.resources import compile_resource, resource_pattern

action_matcher = lru_cache(maxsize=16384)(lambda action: compile_pattern(glob_tokens(action)))


@dataclass(frozen=True, slots=True, eq=False)
class CompiledStatement:
    """A statement and its tests. principals and spared: its Principal and NotPrincipal; both are
    None where the policy's holder is the principal."""

    statement: Statement
    allows: bool
    principals: NamedPrincipals | None
    spared: NamedPrincipals | None
    checks: tuple[Check, ...]

    def grant(self, principal: Principal, bounded: bool) -> Grant:
        """How far the statement reaches for this caller. bounded: whether a permissions boundary
        is attached to it; a Deny with NotPrincipal always denies such a caller."""
        if self.principals is not None:
            return self.principals.grant(principal)
        if self.spared is None:
            return FULL
        if self.allows:
            listed = self.spared.grant(principal) is not NONE
        else:
            listed = not bounded and self.spared.lists(principal)
        return NONE if listed else FULL


# The test for what the index did not settle (None: nothing), the conditions, the statement.
Candidate = tuple[Matcher | None, tuple[Check, ...], CompiledStatement]


# A named tuple is made in a third of the time of a frozen dataclass, and policies are full of them.
class ResourceEntry(NamedTuple):
    """One way into a statement: the literal text a resource begins with, whether that is all of
    it, and the test for the rest (None: nothing is left to test)."""

    prefix: str
    exact: bool
    matches: Matcher | None


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A compiled statement with what leads to it. actions and patterns (those with wildcards)
    are in lower case; if excludes, they are those of NotAction."""

    statement: CompiledStatement
    resources: tuple[ResourceEntry, ...]
    actions: frozenset[str]
    patterns: tuple[str, ...]
    excludes: bool

    def lists(self, action: str) -> bool:
        """Whether the action, in lower case, is among those of Action or NotAction."""
        if action in self.actions:
            return True
        return any(action_matcher(pattern)(action, NO_KEYS) for pattern in self.patterns)

    def covers(self, resource: str, context: Context) -> bool:
        """Whether the statement is about the resource."""
        for entry in self.resources:
            begins = resource == entry.prefix if entry.exact else resource.startswith(entry.prefix)
            if begins and (entry.matches is None or entry.matches(resource, context)):
                return True
        return False


class Candidates:
    """The statements of one effect about an action, found by resource. read_context: whether any
    of them has a condition, or a resource that needs more than its prefix compared."""

    __slots__ = ("anywhere", "exact", "prefixes", "read_context")

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.anywhere: list[Candidate] = []
        self.exact: dict[str, list[Candidate]] = {}
        self.read_context: bool = False
        lengths: dict[int, dict[str, list[Candidate]]] = {}
        for entry in entries:
            statement = entry.statement
            for resource in entry.resources:
                candidate = (resource.matches, statement.checks, statement)
                if resource.matches is not None or statement.checks:
                    self.read_context = True
                if resource.exact:
                    self.exact.setdefault(resource.prefix, []).append(candidate)
                elif not resource.prefix:
                    self.anywhere.append(candidate)
                else:
                    same = lengths.setdefault(len(resource.prefix), {})
                    same.setdefault(resource.prefix, []).append(candidate)
        self.prefixes: tuple[tuple[int, Mapping[str, list[Candidate]]], ...] = tuple(
            sorted(lengths.items())
        )

    def about(self, resource: str) -> list[Candidate]:
        """Every statement about the resource is among these."""
        found = self.anywhere
        same = self.exact.get(resource)
        if same is not None:
            found = found + same
        for length, by_prefix in self.prefixes:
            same = by_prefix.get(resource[:length])
            if same is not None:
                found = found + same if found else same
        return found


# Policies are compiled once, however many sets they are in, for as long as they are in use.
_compiled: WeakKeyDictionary[Policy, tuple[Entry, ...]] = WeakKeyDictionary()


def compile_policy(policy: Policy) -> tuple[Entry, ...]:
    """Every statement of a policy, compiled."""
    entries = _compiled.get(policy)
    if entries is None:
        entries = tuple(compile_statement(statement) for statement in policy.statements)
        _compiled[policy] = entries
    return entries


def compile_statement(statement: Statement) -> Entry:
    """One statement, compiled."""
    compiled = CompiledStatement(
        statement=statement,
        allows=statement.effect is Effect.ALLOW,
        principals=_named(statement.principal),
        spared=_named(statement.not_principal),
        checks=tuple([compile_condition(condition) for condition in statement.conditions]),
    )
    written = statement.actions if statement.actions is not None else statement.not_actions or ()
    actions = {action.lower() for action in written}
    patterns = tuple([action for action in actions if "*" in action or "?" in action])
    return Entry(
        statement=compiled,
        resources=tuple(_resource_entries(statement)),
        actions=frozenset(actions.difference(patterns)),
        patterns=patterns,
        excludes=statement.actions is None,
    )


def _named(element: PrincipalElement | None) -> NamedPrincipals | None:
    return None if element is None else name_principals(element)


def _resource_entries(statement: Statement) -> Iterable[ResourceEntry]:
    if statement.not_resources is not None:
        yield ResourceEntry("", False, outside_resources(statement))
    elif statement.resources is None:
        yield ResourceEntry("", False, None)
    else:
        for resource in statement.resources:
            pattern = resource_pattern(resource, statement.variables)
            prefix = literal_prefix(pattern)
            rest = pattern[1:] if prefix else pattern
            found = None
            if rest and rest != (STAR,):
                found = compile_resource(resource, statement.variables, pattern)
            yield ResourceEntry(prefix, not rest, found)


def _anchored(prefix: str, matches: Matcher) -> Matcher:
    return lambda resource, context: resource.startswith(prefix) and matches(resource, context)


def outside_resources(statement: Statement) -> Matcher:
    """The test of NotResource. With a variable that the request does not resolve, an Allow
    matches nothing and a Deny everything (docs/decisions/unresolved-variables.md)."""
    written = statement.not_resources or ()
    patterns = [resource_pattern(resource, statement.variables) for resource in written]
    tests = [
        _anchored(literal_prefix(pattern), compile_resource(resource, statement.variables, pattern))
        for resource, pattern in zip(written, patterns, strict=True)
    ]
    variables = [t for pattern in patterns for t in pattern if isinstance(t, Variable)]
    denies = statement.effect is Effect.DENY

    def outside(resource: str, context: Context) -> bool:
        if any(variable.resolve(context) is None for variable in variables):
            return denies
        return not any(test(resource, context) for test in tests)

    return outside
