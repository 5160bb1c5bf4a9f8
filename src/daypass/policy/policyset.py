"""The compiled policies of one layer.

Candidates are found by the action, then by the literal prefix of the resource, so that a decision
costs the same with ten statements as with thousands, unless nothing about them can be indexed.
"""

from collections.abc import Iterable
from typing import Final

from daypass.policy.compiled import Candidates, Entry, compile_policy
from daypass.policy.documents import Policy, PolicyKind, Statement
from daypass.policy.patterns import Context, Matcher, compile_pattern, glob_tokens
from daypass.policy.principals import Grant, Principal

# Actions whose candidates are kept. A client can name only the operations of the services, but
# this library's callers may pass what they like.
ACTIONS_KEPT: Final = 4096
EMPTY: Final[Context] = {}


class PolicySet:
    """Policies that are united: any Allow allows, any Deny denies. An empty set is a layer that
    is present and allows nothing."""

    __slots__ = ("_exact", "_excluding", "_found", "_patterns", "entries", "policies", "trust")

    def __init__(self, policies: Iterable[Policy] = ()) -> None:
        self.policies: tuple[Policy, ...] = tuple(policies)
        self.entries: tuple[Entry, ...] = tuple(
            entry for policy in self.policies for entry in compile_policy(policy)
        )
        self.trust: bool = any(policy.kind is PolicyKind.TRUST for policy in self.policies)
        self._exact: dict[str, list[Entry]] = {}
        self._patterns: dict[str, list[tuple[Matcher, Entry]]] = {}
        self._excluding: list[tuple[list[Matcher], Entry]] = []
        self._found: dict[str, tuple[Candidates, Candidates]] = {}
        for entry in self.entries:
            self._index(entry)

    def _index(self, entry: Entry) -> None:
        if entry.excludes:
            tests = [compile_pattern(glob_tokens(action)) for action in entry.actions]
            self._excluding.append((tests, entry))
            return
        for action in entry.actions:
            if "*" in action or "?" in action:
                # A service has no wildcards but alone; "" holds the patterns of every service.
                service = action.partition(":")[0].replace("*", "")
                test = compile_pattern(glob_tokens(action))
                self._patterns.setdefault(service, []).append((test, entry))
            else:
                self._exact.setdefault(action, []).append(entry)

    def mentioning(self, action: str) -> tuple[Candidates, Candidates]:
        """The Allow and the Deny statements about an action."""
        found = self._found.get(action)
        if found is None:
            found = self._find(action.lower())
            if len(self._found) >= ACTIONS_KEPT:
                self._found.clear()
            self._found[action] = found
        return found

    def _find(self, action: str) -> tuple[Candidates, Candidates]:
        entries = {id(entry): entry for entry in self._exact.get(action, ())}
        for service in {action.partition(":")[0], ""}:
            for matches, entry in self._patterns.get(service, ()):
                if matches(action, EMPTY):
                    entries[id(entry)] = entry
        for tests, entry in self._excluding:
            if not any(test(action, EMPTY) for test in tests):
                entries[id(entry)] = entry
        allowing = [e for e in entries.values() if e.statement.allows]
        denying = [e for e in entries.values() if not e.statement.allows]
        return (
            Candidates(resource for entry in allowing for resource in entry.resources),
            Candidates(resource for entry in denying for resource in entry.resources),
        )

    def denying(
        self, action: str, resource: str, context: Context, principal: Principal, bounded: bool
    ) -> Statement | None:
        """A statement that explicitly denies, if there is one."""
        for candidates in self.mentioning(action)[1].about(resource):
            for matches, statement in candidates:
                if (
                    (matches is None or matches(resource, context))
                    and statement.grant(principal, bounded)
                    and statement.holds(context)
                ):
                    return statement.statement
        return None

    def allowing(self, action: str, resource: str, context: Context) -> Statement | None:
        """A statement that allows, if there is one, in policies that name no principal."""
        for candidates in self.mentioning(action)[0].about(resource):
            for matches, statement in candidates:
                if (matches is None or matches(resource, context)) and statement.holds(context):
                    return statement.statement
        return None

    def granting(
        self, action: str, resource: str, context: Context, principal: Principal, bounded: bool
    ) -> tuple[Grant, Statement | None]:
        """The farthest grant to this caller in policies that name principals."""
        best: Grant = Grant.NONE
        by: Statement | None = None
        for candidates in self.mentioning(action)[0].about(resource):
            for matches, statement in candidates:
                if matches is not None and not matches(resource, context):
                    continue
                grant = statement.grant(principal, bounded)
                if grant > best and statement.holds(context):
                    best, by = grant, statement.statement
                    if grant is Grant.FULL:
                        return best, by
        return best, by
