"""The grammar of policy documents: what AWS accepts for each kind of policy, and its words for
what it refuses.

From "Grammar of the IAM JSON policy language" and the answers of IAM's and S3's APIs.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from daypass.policy.conditions import Condition, parse_operator, unreadable_values
from daypass.policy.documents import (
    Effect,
    Json,
    Policy,
    PolicyKind,
    PrincipalElement,
    Statement,
    read_json,
)
from daypass.policy.errors import PolicyError
from daypass.policy.resources import check_resource, complete_arn
from daypass.policy.variables import VariableError, parse_template
from daypass.policy.wording import LEGACY, WORDINGS, Wording

VERSIONS: Final = ("2008-10-17", "2012-10-17")
CURRENT_VERSION: Final = "2012-10-17"
ELEMENTS: Final = frozenset(
    (
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    )
)
PRINCIPAL_TYPES: Final = frozenset(["AWS", "Service", "Federated", "CanonicalUser"])
OPPOSITES: Final = (
    ("Action", "NotAction"),
    ("Resource", "NotResource"),
    ("Principal", "NotPrincipal"),
)
EFFECTS: Final = {effect.value: effect for effect in Effect}
TRUST_ACTIONS: Final = "AssumeRole policy may only specify STS AssumeRole actions."
PROHIBITED_IN_TRUST: Final = {
    "Resource": "Has prohibited field Resource",
    "NotResource": "AssumeRole policy must not contain resources.",
}
# Those of the sessions issued and used last; each is of 2,048 characters at most.
SESSION_POLICIES_KEPT: Final = 256
VENDOR: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")


def parse_policy(document: str, kind: PolicyKind, *, label: str = "") -> Policy:
    """The policy that a JSON text means. label: how explanations name it (a name or an ARN).

    Raises `PolicyError` for what AWS refuses, and for what a Deny would not understand.
    """
    kind = PolicyKind(kind)
    wording = WORDINGS[kind]
    parsed = read_json(document, wording.json)
    _check_envelope(parsed, kind, wording)
    variables = parsed.get("Version") == CURRENT_VERSION
    written = parsed["Statement"]
    listed = written if isinstance(written, list) else [written]
    reader = _StatementReader(kind, wording, label, variables, listed is written)
    statements = [reader.read(number, statement) for number, statement in enumerate(listed)]
    _check_sids(statements, wording)
    return Policy(kind, label, document, parsed, tuple(statements))


@lru_cache(maxsize=SESSION_POLICIES_KEPT)
def parse_session_policy(document: str, label: str) -> Policy:
    """`parse_policy` of what narrows a session. It is read when the session is issued and when it
    is first used, and one that issues many narrows most of them alike."""
    return parse_policy(document, PolicyKind.SESSION, label=label)


def require_current_version(policy: Policy) -> None:
    """Raises `PolicyError` unless the document says Version 2012-10-17, as IAM demands of managed
    policies."""
    if policy.version != CURRENT_VERSION:
        detail = f'write "Version": "{CURRENT_VERSION}"'
        raise PolicyError(
            "Policy document must be version 2012-10-17 or greater.", "$.Version", detail
        )


def _check_envelope(parsed: dict[str, Json], kind: PolicyKind, wording: Wording) -> None:
    for name in parsed:
        if name not in ("Version", "Id", "Statement"):
            detail = "no such element; see Version, Id, Statement"
            raise PolicyError(wording.syntax, f"$.{name}", detail)
    if "Version" in parsed and parsed["Version"] not in VERSIONS:
        raise PolicyError(wording.version, "$.Version", "the version is 2012-10-17, or 2008-10-17")
    if not isinstance(parsed.get("Id", ""), str):
        raise PolicyError(wording.syntax, "$.Id", "the Id is a string")
    if "Statement" not in parsed:
        raise PolicyError(wording.no_statement, "$", "a statement is needed")
    statements = parsed["Statement"]
    if not isinstance(statements, dict | list):
        detail = "a statement or a list of statements is needed"
        raise PolicyError(wording.syntax, "$.Statement", detail)
    # A resource's policy may be emptied; it then grants nothing.
    if not statements and kind is not PolicyKind.RESOURCE:
        raise PolicyError(wording.empty_statement, "$.Statement", "at least one is needed")


def _check_sids(statements: Sequence[Statement], wording: Wording) -> None:
    seen = set[str]()
    for statement in statements:
        if statement.sid and statement.sid in seen:
            path = f"$.Statement[{statement.number}].Sid"
            raise PolicyError(wording.sids, path, f"{statement.sid!r} is used twice")
        seen.add(statement.sid)


class _StatementReader:
    """Reads the statements of one document; holds what all the checks need to know.

    The checks raise errors whose path begins within the statement.
    """

    def __init__(
        self, kind: PolicyKind, wording: Wording, label: str, variables: bool, listed: bool
    ) -> None:
        self.kind = kind
        self.wording = wording
        self.label = label
        self.variables = variables
        self.listed = listed
        self.of_role = kind is PolicyKind.TRUST
        self.of_resource = kind is PolicyKind.RESOURCE
        self.named_by_holder = not kind.names_principals and kind is not PolicyKind.RCP

    def read(self, number: int, written: Json) -> Statement:
        """One statement. Raises `PolicyError`."""
        try:
            return self._read(number, written)
        except PolicyError as error:
            path = f"$.Statement[{number}]" if self.listed else "$.Statement"
            raise error.within(path) from None

    def _read(self, number: int, written: Json) -> Statement:
        # Of several flaws the first in AWS's order is named, as far as answers of AWS show it.
        if not isinstance(written, dict):
            raise PolicyError(self.wording.syntax, "", "a statement is a JSON object")
        self._check_elements(written)
        effect = self._effect(written)
        sid = self._sid(written.get("Sid", ""))
        principal, not_principal = self._principals(written)
        conditions = self._conditions(written.get("Condition", {}), effect)
        actions = self._strings(written, "Action")
        not_actions = self._strings(written, "NotAction")
        if not actions and not not_actions:
            raise self._absent("Action", written)
        resources, not_resources = self._resources(written)
        for action in actions or not_actions or ():
            self._check_action(action, "Action" if actions else "NotAction")
        return Statement(
            kind=self.kind,
            label=self.label,
            number=number,
            sid=sid,
            effect=effect,
            actions=actions,
            not_actions=not_actions,
            resources=resources,
            not_resources=not_resources,
            principal=principal,
            not_principal=not_principal,
            conditions=conditions,
            variables=self.variables,
        )

    def _check_elements(self, written: dict[str, Json]) -> None:
        if not ELEMENTS.issuperset(written):
            unknown = next(name for name in written if name not in ELEMENTS)
            raise PolicyError(self.wording.syntax, unknown, "no such element")
        for name, opposite in OPPOSITES:
            if opposite in written and name in written:
                detail = f"{name} and {opposite} exclude each other"
                raise PolicyError(self.wording.syntax, "", detail)
        if self.of_role:
            for name, message in PROHIBITED_IN_TRUST.items():
                if name in written:
                    detail = "the resource of a trust policy is the role it is attached to"
                    raise PolicyError(message, name, detail)

    def _absent(self, name: str, written: dict[str, Json]) -> PolicyError:
        """Of an Action or Resource that is not there, or is an empty list."""
        wording, empty = self.wording, name if name in written else f"Not{name}"
        if empty in written:
            message = wording.empty_actions if name == "Action" else wording.empty_resources
            return PolicyError(message, empty, "the list is empty")
        message = wording.no_actions if name == "Action" else wording.no_resources
        return PolicyError(message, name, f"write {name} or Not{name}")

    def _effect(self, written: dict[str, Json]) -> Effect:
        wording = self.wording
        if "Effect" not in written:
            detail = "a statement has the Effect Allow or Deny"
            raise PolicyError(wording.no_effect, "Effect", detail)
        effect = written["Effect"]
        if not isinstance(effect, str):
            raise PolicyError(wording.syntax, "Effect", "the Effect is a string")
        if effect not in EFFECTS:
            known = effect.lower() in ("allow", "deny")
            message = wording.effect_case if known else wording.effect
            detail = f"{effect!r} is neither Allow nor Deny; the case counts"
            raise PolicyError(message.replace("{}", effect), "Effect", detail)
        return EFFECTS[effect]

    def _sid(self, sid: Json) -> str:
        if not isinstance(sid, str):
            raise PolicyError(self.wording.syntax, "Sid", "the Sid is a string")
        # Bucket policies may have spaces in theirs.
        if not self.of_resource and sid and not (sid.isascii() and sid.isalnum()):
            raise PolicyError(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies "
                "the regular expression [0-9A-Za-z]*",
                "Sid",
                f"{sid!r} has other characters",
            )
        return sid

    def _strings(self, written: dict[str, Json], name: str) -> tuple[str, ...] | None:
        if name not in written:
            return None
        value = written[name]
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list):
            found = [each for each in value if isinstance(each, str)]
            if len(found) == len(value):
                return tuple(found)
        raise PolicyError(self.wording.syntax, name, "a string or a list of strings")

    def _check_action(self, action: str, path: str) -> None:
        message = _flaw_of_action(action)
        if message is not None:
            if self.of_resource:
                message = "Policy has invalid action"
            raise PolicyError(message, path, f"{action!r} is not like s3:GetObject")
        if self.of_role and not action.lower().startswith("sts:"):
            raise PolicyError(TRUST_ACTIONS, path, f"{action!r} is none of them")

    def _resources(
        self, written: dict[str, Json]
    ) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
        """Resource and NotResource."""
        if self.of_role:
            return None, None
        name = "NotResource" if "NotResource" in written else "Resource"
        resources = self._strings(written, name)
        if not resources:
            raise self._absent("Resource", written)
        for resource in resources:
            check_resource(resource, self.kind, name)
            self._check_template(resource, name)
        complete = tuple([complete_arn(resource) for resource in resources])
        return (complete, None) if name == "Resource" else (None, complete)

    def _check_template(self, text: str, path: str) -> None:
        if "${" not in text:
            return
        try:
            parse_template(text, wildcards=True, variables=self.variables)
        except VariableError as error:
            raise PolicyError(LEGACY, path, str(error)) from None

    def _principals(
        self, written: dict[str, Json]
    ) -> tuple[PrincipalElement | None, PrincipalElement | None]:
        if self.named_by_holder and "Principal" not in written and "NotPrincipal" not in written:
            return None, None
        name = "Principal" if "Principal" in written else "NotPrincipal"
        if self.named_by_holder:
            detail = "the principal is whoever the policy is attached to"
            raise PolicyError("Policy document should not specify a principal.", name, detail)
        if name not in written:
            detail = "say whom the statement means"
            raise PolicyError("Missing required field Principal", "", detail)
        if name == "NotPrincipal" and not self.of_resource:
            message = "AssumeRole policy must not contain NotPrincipal field."
            if written["Effect"] == Effect.ALLOW:
                message = "Allow with NotPrincipal is not allowed."
            raise PolicyError(message, name, "use Principal")
        try:
            element = self._principal(written[name])
        except PolicyError as error:
            raise error.within(name) from None
        if self.kind is PolicyKind.RCP and element != "*":
            detail = 'a resource control policy names "*"'
            raise PolicyError(self.wording.syntax, name, detail)
        return (element, None) if name == "Principal" else (None, element)

    def _principal(self, value: Json) -> PrincipalElement:
        if value == "*":
            return "*"
        if not isinstance(value, dict) or not value:
            message = "Invalid principal in policy"
            if value == {} and self.of_role:
                message = "Missing required field Principal cannot be empty!"
            raise PolicyError(message, "", '"*" or an object by type')
        found: dict[str, tuple[str, ...]] = {}
        for name in value:
            if name not in PRINCIPAL_TYPES:
                known = ", ".join(sorted(PRINCIPAL_TYPES))
                raise self._invalid_principal(f'"{name}"', name, f"not {known}")
            entries = self._strings(value, name) or ()
            for entry in entries:
                self._check_principal(name, entry)
            if not entries:
                raise PolicyError("Invalid principal in policy", name, "it is empty")
            found[name] = entries
        return found

    def _check_principal(self, name: str, entry: str) -> None:
        if name == "AWS" and not _is_aws_principal(entry):
            detail = "an account, an IAM user, a role, a role session or a federated user"
        elif name == "Service" and ("." not in entry or "*" in entry):
            detail = 'a service is named like "lambda.amazonaws.com"'
        elif not entry or (name == "Federated" and "*" in entry):
            detail = "a provider's ARN or domain"
        else:
            return
        raise self._invalid_principal(
            f'"{name.upper()}":"{entry}"', name, f"{entry!r} is not {detail}"
        )

    def _invalid_principal(self, written: str, path: str, detail: str) -> PolicyError:
        """IAM says which one it is, in trust policies."""
        named = f": {written}" if self.of_role else ""
        return PolicyError(f"Invalid principal in policy{named}", path, detail)

    def _conditions(self, written: Json, effect: Effect) -> tuple[Condition, ...]:
        if not isinstance(written, dict):
            raise PolicyError(self.wording.syntax, "Condition", "a JSON object of operators")
        conditions: list[Condition] = []
        for name, keys in written.items():
            try:
                conditions += self._operator(name, keys, effect)
            except PolicyError as error:
                raise error.within(f"Condition.{name}") from None
        return tuple(conditions)

    def _operator(self, name: str, keys: Json, effect: Effect) -> list[Condition]:
        syntax = self.wording.syntax
        if not isinstance(keys, dict):
            raise PolicyError(syntax, "", "an operator has an object of keys")
        if not keys:
            return []
        parsed = parse_operator(name)
        if parsed is None:
            raise PolicyError(syntax, "", "there is no such condition operator")
        # The case of condition keys does not count, so two that differ only in it are one key.
        if len(keys) > 1 and len({key.lower() for key in keys}) < len(keys):
            folded = [key.lower() for key in keys]
            twice = next(key for key in folded if folded.count(key) > 1)
            raise PolicyError(syntax, "", f"the key {twice!r} is written twice")
        conditions = []
        for key, value in keys.items():
            values = self._condition_values(key, value)
            condition = Condition(*parsed, key, values, self.variables)
            if effect is Effect.DENY and not condition.operator.negated:
                _check_readable(condition)
            conditions.append(condition)
        return conditions

    def _condition_values(self, key: str, value: Json) -> tuple[str, ...]:
        if isinstance(value, str):
            return (value,)
        found: list[str] = []
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, bool):
                found.append("true" if each else "false")
            elif isinstance(each, str | int | float):
                found.append(str(each))
            else:
                detail = "a condition value is a string, number or boolean"
                raise PolicyError(self.wording.syntax, key, detail)
        return tuple(found)


def _check_readable(condition: Condition) -> None:
    # What a Deny does not understand would silently not deny. In an Allow such a value matches
    # nothing, which `lint` reports.
    unreadable = unreadable_values(condition)
    if unreadable:
        family = condition.operator.family
        detail = f"{unreadable[0]!r} is no {family} value, so this Deny would deny nothing"
        raise PolicyError(LEGACY, condition.key, detail)


@lru_cache(maxsize=4096)
def _flaw_of_action(action: str) -> str | None:
    """IAM's words for an action it refuses. The same few are in most policies."""
    vendor, colon, name = action.partition(":")
    if not colon:
        if action == "*":
            return None
        return "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    if ":" in name:
        return "Actions/Condition can contain only one colon."
    if vendor != "*" and not (vendor and VENDOR.issuperset(vendor)):
        return f"Vendor {vendor} is not valid"
    return None


def _is_aws_principal(entry: str) -> bool:
    if entry == "*" or (len(entry) == 12 and entry.isascii() and entry.isdecimal()):
        return True
    # IAM stores the unique ids of users and roles in place of their ARNs.
    if entry.isalnum() and entry.isascii():
        return entry.startswith(("AIDA", "AROA"))
    segments = entry.split(":")
    if len(segments) != 6 or segments[0] != "arn" or not segments[1].startswith("aws"):
        return False
    if "*" in entry or "?" in entry or segments[3]:
        return False
    service, account, resource = segments[2], segments[4], segments[5]
    if account != "cloudfront" and not (len(account) == 12 and account.isdecimal()):
        return False
    if service == "iam":
        return resource == "root" or (
            resource.startswith(("user/", "role/")) and not resource.endswith("/")
        )
    if service == "sts":
        kind, _, name = resource.partition("/")
        return (kind == "federated-user" and bool(name)) or (
            kind == "assumed-role" and all(name.partition("/"))
        )
    return False
