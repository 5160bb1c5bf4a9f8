"""Checks of actions and resources: what does not exist, what does not fit, what allows too much."""

from collections.abc import Iterator
from typing import Final

from daypass.policy.catalog import (
    Action,
    ServiceCatalog,
    every_service_is_known,
    service_catalog,
)
from daypass.policy.documents import Effect, Statement
from daypass.policy.linter.findings import ERROR, NOTE, WARNING, Finding, Severity
from daypass.policy.variables import split_segments

# Names that hold no slash; all others may.
ONE_SEGMENT: Final = frozenset(["Partition", "Region", "Account", "BucketName"])


def unknown_actions(statement: Statement, path: str) -> Iterator[Finding]:
    name = "Action" if statement.actions is not None else "NotAction"
    for action in statement.actions or statement.not_actions or ():
        service, colon, pattern = action.partition(":")
        if not colon or service == "*":
            continue
        catalog = service_catalog(service)
        if catalog is None:
            if every_service_is_known():
                yield Finding(
                    "unknown-service",
                    WARNING,
                    f"{path}.{name}",
                    f"no service {service!r} is known",
                    "Look its prefix up in the Service Authorization Reference.",
                )
        elif not catalog.matching(pattern):
            yield Finding(
                "unknown-action",
                ERROR if catalog.own else WARNING,
                f"{path}.{name}",
                f"{catalog.name} has no action {pattern!r}",
                _similar(catalog, pattern),
            )


def _similar(catalog: ServiceCatalog, pattern: str) -> str:
    beginning = pattern.lower().rstrip("*?")[:6]
    alike = [each.name for name, each in catalog.actions.items() if name.startswith(beginning)]
    if not alike:
        return "Look it up in the Service Authorization Reference."
    return f"Did you mean {', '.join(sorted(alike)[:4])}?"


Known = tuple[ServiceCatalog, Action]


def _known(action: str) -> list[Known] | None:
    """The actions that an entry of Action means; None if its service is not known."""
    service, colon, pattern = action.partition(":")
    catalog = service_catalog(service) if colon else None
    return None if catalog is None else [(catalog, each) for each in catalog.matching(pattern)]


def known_actions(statement: Statement) -> list[Known] | None:
    """The actions that Action means; None if any of them is not known."""
    found: list[Known] = []
    for action in statement.actions or ("*",):
        known = _known(action)
        if known is None:
            return None
        found += known
    return found


def resources(statement: Statement, path: str) -> Iterator[Finding]:
    """Resources that no action is about, and actions that are about none of the resources."""
    written = statement.resources
    if written is None or "*" in written or statement.actions is None:
        return
    actions = known_actions(statement)
    useless = [
        resource
        for resource in (written if actions else ())
        if not any(_may_be(resource, *each) for each in actions or ())
    ]
    for resource in useless:
        yield Finding(
            "resource-does-not-apply",
            _severity(actions or []),
            f"{path}.Resource",
            f"no action of the statement is about a resource like {resource!r}",
            _forms(actions or []),
        )
    if len(useless) == len(written):
        return
    for action in statement.actions:
        known = _known(action)
        if known and not any(_may_be(resource, *each) for each in known for resource in written):
            yield Finding(
                "action-without-its-resource",
                _severity(known),
                f"{path}.Action",
                f"{action} is about none of the resources of the statement",
                _forms(known),
            )


def wildcards_in_types(statement: Statement, path: str) -> Iterator[Finding]:
    """A wildcard in the word that names the type of a resource, which AWS's policy validation
    does not allow (docs/decisions/wildcard-in-resource-type.md)."""
    name = "Resource" if statement.resources is not None else "NotResource"
    for resource in statement.resources or statement.not_resources or ():
        segments = split_segments(resource)
        catalog = service_catalog(segments[2]) if len(segments) == 6 else None
        if catalog is None:
            continue
        forms = [kind.arn.split(":", 5)[5] for kind in catalog.resources.values()]
        word = segments[5].replace(":", "/").partition("/")[0]
        # Where a name comes first, as a bucket's, there is no such word.
        typed = forms and not any(form.startswith("${") for form in forms)
        if typed and word != "*" and ("*" in word or "?" in word):
            yield Finding(
                "wildcard-in-resource-type",
                WARNING,
                f"{path}.{name}",
                f"{word!r} has a wildcard in the type of a resource of {catalog.name}",
                "Write the type in full, or `*` for every resource.",
            )


def _severity(actions: list[Known]) -> Severity:
    return ERROR if all(catalog.own for catalog, _ in actions) else WARNING


def _may_be(resource: str, catalog: ServiceCatalog, action: Action) -> bool:
    """Whether the action can be on such a resource; without resource types it is on `*` alone."""
    return any(
        overlap(_tokens(resource, ANY_TEXT), _form_tokens(catalog.resources[kind].arn))
        for kind in action.resources
        if kind in catalog.resources
    )


# Tokens of a pattern: a character, "*" (any text), "?" (any character), "/*" (text without "/").
ANY_TEXT, ANY_CHARACTER, ONE_NAME = "*", "?", "/*"


def _tokens(pattern: str, variable: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    while position < len(pattern):
        end = pattern.find("}", position)
        if pattern.startswith("${", position) and end > 0:
            tokens.append(variable)
            position = end + 1
        else:
            tokens.append(pattern[position])
            position += 1
    return tokens


def _form_tokens(form: str) -> list[str]:
    tokens: list[str] = []
    for number, part in enumerate(form.split("${")):
        name, _, rest = part.partition("}") if number else ("", "", part)
        if number:
            tokens.append(ONE_NAME if name in ONE_SEGMENT else ANY_TEXT)
        tokens += rest
    return tokens


def overlap(one: list[str], other: list[str]) -> bool:
    """Whether there is a text that both patterns match."""
    reached = {(0, 0)}
    waiting = [(0, 0)]
    while waiting:
        place = waiting.pop()
        if place == (len(one), len(other)):
            return True
        for following in _following(one, other, *place):
            if following not in reached:
                reached.add(following)
                waiting.append(following)
    return False


def _following(one: list[str], other: list[str], i: int, j: int) -> Iterator[tuple[int, int]]:
    """Where one step leads: a star ends, or both take the same character."""
    a = one[i] if i < len(one) else ""
    b = other[j] if j < len(other) else ""
    if a in (ANY_TEXT, ONE_NAME):
        yield i + 1, j
    if b in (ANY_TEXT, ONE_NAME):
        yield i, j + 1
    if a and b and _share(a, b):
        yield i + (a not in (ANY_TEXT, ONE_NAME)), j + (b not in (ANY_TEXT, ONE_NAME))


def _share(a: str, b: str) -> bool:
    """Whether the two tokens can take the same character."""
    if ONE_NAME in (a, b):
        return "/" not in (a, b)
    return a == b or a in (ANY_TEXT, ANY_CHARACTER) or b in (ANY_TEXT, ANY_CHARACTER)


def _forms(actions: list[Known]) -> str:
    forms = {
        catalog.resources[kind].arn
        for catalog, action in actions
        for kind in action.resources
        if kind in catalog.resources
    }
    if not forms:
        return 'It cannot be limited to a resource: write "Resource": "*" for it.'
    return f"Its resources look like {', '.join(sorted(forms)[:3])}."


def allow_widely(statement: Statement, path: str) -> Iterator[Finding]:
    if statement.effect is not Effect.ALLOW:
        return
    if statement.not_actions is not None:
        yield Finding(
            "allow-not-action",
            WARNING,
            f"{path}.NotAction",
            "Allow with NotAction allows every other action, of services still to come too",
            "List what is allowed in Action, or use NotAction with Deny.",
        )
    if statement.not_resources is not None:
        yield Finding(
            "allow-not-resource",
            WARNING,
            f"{path}.NotResource",
            "Allow with NotResource allows every other resource, of other accounts too",
            "List what is allowed in Resource, or use NotResource with Deny.",
        )
    if statement.not_principal is not None:
        yield Finding(
            "allow-not-principal",
            ERROR,
            f"{path}.NotPrincipal",
            "Allow with NotPrincipal allows everybody else, anonymous callers too",
            "Name who is allowed in Principal.",
        )
    everything = "*" in (statement.actions or ()) and statement.resources == ("*",)
    if everything and not statement.conditions and statement.principal is None:
        yield Finding(
            "allows-everything",
            NOTE,
            path,
            "the statement allows every action on every resource",
            "Name the services that are needed.",
        )


def pass_role(statement: Statement, path: str) -> Iterator[Finding]:
    if statement.effect is not Effect.ALLOW or statement.resources != ("*",):
        return
    named = [action.lower() for action in statement.actions or ()]
    services = any(c.key.lower() == "iam:passedtoservice" for c in statement.conditions)
    if not services and any(action in named for action in ("iam:passrole", "iam:pass*")):
        yield Finding(
            "pass-any-role",
            WARNING,
            f"{path}.Resource",
            "iam:PassRole on every role lets the caller act with the widest of them",
            "Name the roles in Resource, and the service in iam:PassedToService.",
        )
