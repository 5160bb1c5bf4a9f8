"""The compiled policies of one layer.

Candidates are found by the action, then by the literal prefix of the resource, so that a decision
costs the same with ten statements as with thousands, unless nothing about them can be indexed.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from daypass.policy.compiled import Candidates, Entry, action_matcher, compile_policy
from daypass.policy.documents import Policy, PolicyKind, Statement
from daypass.policy.patterns import NO_KEYS
from daypass.policy.principals import FULL, NONE, Grant

if TYPE_CHECKING:
    from daypass.policy.requests import AuthorizationRequest

# Actions whose candidates are kept, more than a caller uses. Simulations can name any action, and
# each may hold a list of every statement.
ACTIONS_KEPT: Final = 512


class PolicySet:
    """Policies that are united: any Allow allows, any Deny denies. An empty set is a layer that
    is present and allows nothing.

    trust: whether it is a role's trust policy. denies: whether any statement is a Deny.
    """

    __slots__ = (
        "_exact",
        "_excluding",
        "_found",
        "_patterns",
        "denies",
        "entries",
        "policies",
        "trust",
    )

    def __init__(self, policies: Iterable[Policy] = ()) -> None:
        self.policies: tuple[Policy, ...] = tuple(policies)
        self.entries: tuple[Entry, ...] = tuple(
            entry for policy in self.policies for entry in compile_policy(policy)
        )
        self.trust: bool = any(policy.kind is PolicyKind.TRUST for policy in self.policies)
        self.denies: bool = any(not entry.statement.allows for entry in self.entries)
        self._exact: dict[str, list[Entry]] = {}
        self._patterns: dict[str, dict[str, list[Entry]]] = {}
        self._excluding: list[Entry] = []
        self._found: dict[str, tuple[Candidates | None, Candidates | None]] = {}
        for entry in self.entries:
            self._index(entry)

    def _index(self, entry: Entry) -> None:
        if entry.excludes:
            self._excluding.append(entry)
            return
        for action in entry.actions:
            self._exact.setdefault(action, []).append(entry)
        for action in entry.patterns:
            # A service has no wildcards but alone; "" holds the patterns of every service.
            service = action.partition(":")[0].replace("*", "")
            self._patterns.setdefault(service, {}).setdefault(action, []).append(entry)

    def _find(self, action: str) -> tuple[Candidates | None, Candidates | None]:
        """The Allow and the Deny statements about an action; None where there are none."""
        lower = action.lower()
        about = set(self._exact.get(lower, ()))
        for service in (lower.partition(":")[0], ""):
            for pattern, listing in self._patterns.get(service, {}).items():
                if action_matcher(pattern)(lower, NO_KEYS):
                    about.update(listing)
        about.update(entry for entry in self._excluding if not entry.lists(lower))
        # In the order they are written, so that the same statement is named every time.
        entries = [entry for entry in self.entries if entry in about]
        allowing = [entry for entry in entries if entry.statement.allows]
        denying = [entry for entry in entries if not entry.statement.allows]
        found = (
            Candidates(allowing) if allowing else None,
            Candidates(denying) if denying else None,
        )
        if len(self._found) >= ACTIONS_KEPT:
            self._found.clear()
        self._found[action] = found
        return found

    def denying(self, request: "AuthorizationRequest", bounded: bool) -> Statement | None:
        """A statement that explicitly denies, if there is one."""
        action, resource, principal = request.action, request.resource, request.principal
        candidates = (self._found.get(action) or self._find(action))[1]
        if candidates is None:
            return None
        context = request.context if candidates.read_context else NO_KEYS
        for matches, checks, statement in candidates.about(resource):
            if matches is not None and not matches(resource, context):
                continue
            if statement.grant(principal, bounded) is NONE:
                continue
            for check in checks:
                if not check(context):
                    break
            else:
                return statement.statement
        return None

    def allowing(self, request: "AuthorizationRequest") -> Statement | None:
        """A statement that allows, if there is one, in policies that name no principal."""
        action, resource = request.action, request.resource
        candidates = (self._found.get(action) or self._find(action))[0]
        if candidates is None:
            return None
        context = request.context if candidates.read_context else NO_KEYS
        for matches, checks, statement in candidates.about(resource):
            if matches is not None and not matches(resource, context):
                continue
            for check in checks:
                if not check(context):
                    break
            else:
                return statement.statement
        return None

    def granting(
        self, request: "AuthorizationRequest", bounded: bool
    ) -> tuple[Grant, Statement | None]:
        """The farthest grant to the caller in policies that name principals."""
        best: Grant = NONE
        by: Statement | None = None
        action, resource, principal = request.action, request.resource, request.principal
        candidates = (self._found.get(action) or self._find(action))[0]
        if candidates is None:
            return best, by
        context = request.context if candidates.read_context else NO_KEYS
        for matches, checks, statement in candidates.about(resource):
            if matches is not None and not matches(resource, context):
                continue
            grant = statement.grant(principal, bounded)
            if grant <= best:
                continue
            for check in checks:
                if not check(context):
                    break
            else:
                if grant is FULL:
                    return FULL, statement.statement
                best, by = grant, statement.statement
        return best, by
