"""Statements compiled to matchers, and the index that finds those that concern a resource."""

from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from daypass.policy.conditions import Check, compile_condition
from daypass.policy.documents import Effect, Policy, PrincipalElement, Statement
from daypass.policy.patterns import STAR, Context, Matcher, Variable, compile_pattern, glob_tokens
from daypass.policy.patterns import literal_prefix as prefix_of
from daypass.policy.principals import Grant, NamedPrincipals, Principal, name_principals
from daypass.policy.resources import compile_resource, resource_pattern


@dataclass(frozen=True, slots=True, eq=False)
class CompiledStatement:
    """A statement and its tests. principals: None where the policy's holder is the principal."""

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
            return Grant.FULL
        if self.allows:
            listed = self.spared.grant(principal) is not Grant.NONE
        else:
            listed = not bounded and self.spared.lists(principal)
        return Grant.NONE if listed else Grant.FULL

    def holds(self, context: Context) -> bool:
        """Whether every condition is met."""
        for check in self.checks:  # noqa: SIM110 - all() costs 0.2 µs more for each statement
            if not check(context):
                return False
        return True


@dataclass(frozen=True, slots=True)
class ResourceEntry:
    """One way into a statement: the literal text a resource begins with, whether that is all of
    it, and the test for the rest (None: nothing is left to test)."""

    prefix: str
    exact: bool
    matches: Matcher | None
    statement: CompiledStatement


Candidate = tuple[Matcher | None, CompiledStatement]


class Candidates:
    """The statements of one effect that mention an action, found by resource."""

    __slots__ = ("anywhere", "exact", "prefixes")

    def __init__(self, entries: Iterable[ResourceEntry]) -> None:
        self.anywhere: list[Candidate] = []
        self.exact: dict[str, list[Candidate]] = {}
        lengths: dict[int, dict[str, list[Candidate]]] = {}
        for entry in entries:
            candidate = (entry.matches, entry.statement)
            if entry.exact:
                self.exact.setdefault(entry.prefix, []).append(candidate)
            elif not entry.prefix:
                self.anywhere.append(candidate)
            else:
                same = lengths.setdefault(len(entry.prefix), {})
                same.setdefault(entry.prefix, []).append(candidate)
        self.prefixes = tuple(sorted(lengths.items()))

    def about(self, resource: str) -> list[list[Candidate]]:
        """Lists of candidates; every statement about the resource is in one of them."""
        found = [self.anywhere] if self.anywhere else []
        if self.exact and (same := self.exact.get(resource)):
            found.append(same)
        for length, by_prefix in self.prefixes:
            if same := by_prefix.get(resource[:length]):
                found.append(same)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A compiled statement with what leads to it. actions are in lower case; excludes says that
    they are those of a NotAction."""

    statement: CompiledStatement
    resources: tuple[ResourceEntry, ...]
    actions: tuple[str, ...]
    excludes: bool

    def mentions(self, action: str) -> bool:
        """Whether the action, in lower case, is among those of Action or NotAction."""
        return any(compile_pattern(glob_tokens(each))(action, {}) for each in self.actions)

    def covers(self, resource: str, context: Context) -> bool:
        """Whether the statement is about the resource."""
        for entry in self.resources:
            begins = resource == entry.prefix if entry.exact else resource.startswith(entry.prefix)
            if begins and (entry.matches is None or entry.matches(resource, context)):
                return True
        return False


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
        checks=tuple(compile_condition(condition) for condition in statement.conditions),
    )
    actions = statement.actions if statement.actions is not None else statement.not_actions or ()
    return Entry(
        statement=compiled,
        resources=tuple(_resource_entries(compiled)),
        actions=tuple(action.lower() for action in actions),
        excludes=statement.actions is None,
    )


def _named(element: PrincipalElement | None) -> NamedPrincipals | None:
    return None if element is None else name_principals(element)


def _resource_entries(compiled: CompiledStatement) -> Iterable[ResourceEntry]:
    statement = compiled.statement
    if statement.not_resources is not None:
        yield ResourceEntry("", False, outside_resources(statement), compiled)
    elif statement.resources is None:
        yield ResourceEntry("", False, None, compiled)
    else:
        for resource in statement.resources:
            pattern = resource_pattern(resource, statement.variables)
            prefix = prefix_of(pattern)
            rest = pattern[1:] if prefix else pattern
            found = None
            if rest and rest != (STAR,):
                found = compile_resource(resource, statement.variables)
            yield ResourceEntry(prefix, not rest, found, compiled)


def outside_resources(statement: Statement) -> Matcher:
    """The test of NotResource. With a variable that the request does not resolve, an Allow
    matches nothing and a Deny everything (docs/decisions/unresolved-variables.md)."""
    written = statement.not_resources or ()
    tests = [compile_resource(resource, statement.variables) for resource in written]
    patterns = [resource_pattern(resource, statement.variables) for resource in written]
    variables = [t for pattern in patterns for t in pattern if isinstance(t, Variable)]
    denies = statement.effect is Effect.DENY

    def outside(resource: str, context: Context) -> bool:
        if any(variable.resolve(context) is None for variable in variables):
            return denies
        return not any(test(resource, context) for test in tests)

    return outside
