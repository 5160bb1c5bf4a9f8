"""The grammar of policy documents: what AWS accepts for each kind of policy, and its words for
what it refuses.

From "Grammar of the IAM JSON policy language" and the answers of IAM's and S3's APIs.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from daypass.policy.conditions import Condition, parse_operator, unreadable_values
from daypass.policy.documents import (
    SYNTAX,
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

LEGACY: Final = "The policy failed legacy parsing"
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
TRUST_ACTIONS: Final = (
    "Trust Policy statement actions can only be sts:AssumeRole, "
    "sts:AssumeRoleWithSAML,  and sts:AssumeRoleWithWebIdentity"
)
VENDOR: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")


def parse_policy(document: str, kind: PolicyKind, *, label: str = "") -> Policy:
    """The policy that a JSON text means. label: how explanations name it (a name or an ARN).

    Raises `PolicyError` for what AWS refuses, and for what a Deny would not understand.
    """
    kind = PolicyKind(kind)
    parsed = read_json(document)
    _check_envelope(parsed, kind)
    variables = parsed.get("Version") == CURRENT_VERSION
    written = parsed["Statement"]
    listed = written if isinstance(written, list) else [written]
    reader = _StatementReader(kind, label, variables, listed is written)
    statements = [reader.read(number, statement) for number, statement in enumerate(listed)]
    _check_sids(statements)
    return Policy(kind, label, document, parsed, tuple(statements))


def require_current_version(policy: Policy) -> None:
    """Raises `PolicyError` unless the document says Version 2012-10-17, as IAM demands of managed
    policies."""
    if policy.version != CURRENT_VERSION:
        detail = f'write "Version": "{CURRENT_VERSION}"'
        raise PolicyError(
            "Policy document must be version 2012-10-17 or greater.", "$.Version", detail
        )


def _check_envelope(parsed: dict[str, Json], kind: PolicyKind) -> None:
    for name in parsed:
        if name not in ("Version", "Id", "Statement"):
            raise PolicyError(SYNTAX, f"$.{name}", "no such element; see Version, Id, Statement")
    if "Version" in parsed and parsed["Version"] not in VERSIONS:
        raise PolicyError(SYNTAX, "$.Version", "the version is 2012-10-17, or 2008-10-17")
    if not isinstance(parsed.get("Id", ""), str):
        raise PolicyError(SYNTAX, "$.Id", "the Id is a string")
    statements = parsed.get("Statement")
    if not isinstance(statements, dict | list):
        raise PolicyError(SYNTAX, "$.Statement", "a statement or a list of statements is needed")
    # A resource's policy may be emptied; it then grants nothing.
    if not statements and kind is not PolicyKind.RESOURCE:
        raise PolicyError(SYNTAX, "$.Statement", "a policy has at least one statement")


def _check_sids(statements: Sequence[Statement]) -> None:
    seen = set[str]()
    for statement in statements:
        if statement.sid and statement.sid in seen:
            raise PolicyError(
                "Statement IDs (SID) in a single policy must be unique.",
                f"$.Statement[{statement.number}].Sid",
                f"{statement.sid!r} is used twice",
            )
        seen.add(statement.sid)


class _StatementReader:
    """Reads the statements of one document; holds what all the checks need to know.

    The checks raise errors whose path begins within the statement.
    """

    def __init__(self, kind: PolicyKind, label: str, variables: bool, listed: bool) -> None:
        self.kind = kind
        self.label = label
        self.variables = variables
        self.listed = listed
        self.named_by_holder = not kind.names_principals and kind is not PolicyKind.RCP

    def read(self, number: int, written: Json) -> Statement:
        """One statement. Raises `PolicyError`."""
        try:
            return self._read(number, written)
        except PolicyError as error:
            path = f"$.Statement[{number}]" if self.listed else "$.Statement"
            raise error.within(path) from None

    def _read(self, number: int, written: Json) -> Statement:
        if not isinstance(written, dict):
            raise PolicyError(SYNTAX, "", "a statement is a JSON object")
        if not ELEMENTS.issuperset(written):
            unknown = next(name for name in written if name not in ELEMENTS)
            raise PolicyError(SYNTAX, unknown, "no such element")
        for name, opposite in OPPOSITES:
            if opposite in written and name in written:
                raise PolicyError(SYNTAX, "", f"{name} and {opposite} exclude each other")
        effect = self._effect(written)
        principal, not_principal = self._principals(written)
        return Statement(
            kind=self.kind,
            label=self.label,
            number=number,
            sid=self._sid(written.get("Sid", "")),
            effect=effect,
            actions=self._actions(written, "Action"),
            not_actions=self._actions(written, "NotAction"),
            resources=self._resources(written, "Resource"),
            not_resources=self._resources(written, "NotResource"),
            principal=principal,
            not_principal=not_principal,
            conditions=tuple(self._conditions(written.get("Condition", {}), effect)),
            variables=self.variables,
        )

    def _effect(self, written: dict[str, Json]) -> Effect:
        effect, path = written.get("Effect"), "Effect"
        if not isinstance(effect, str):
            raise PolicyError(SYNTAX, path, "a statement has the Effect Allow or Deny")
        if effect not in EFFECTS:
            known = effect.lower() in ("allow", "deny")
            detail = f"{effect!r} is neither Allow nor Deny; the case counts"
            raise PolicyError(LEGACY if known else SYNTAX, path, detail)
        return EFFECTS[effect]

    def _sid(self, sid: Json) -> str:
        if not isinstance(sid, str):
            raise PolicyError(SYNTAX, "Sid", "the Sid is a string")
        # Bucket policies may have spaces in theirs.
        if self.kind is not PolicyKind.RESOURCE and sid and not (sid.isascii() and sid.isalnum()):
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
            found = tuple(each for each in value if isinstance(each, str))
            if len(found) == len(value):
                return found
        raise PolicyError(SYNTAX, name, "a string or a list of strings")

    def _actions(self, written: dict[str, Json], name: str) -> tuple[str, ...] | None:
        actions = self._strings(written, name)
        if actions is None and (name == "NotAction" or "NotAction" in written):
            return None
        if not actions:
            detail = "write Action or NotAction" if actions is None else "the list is empty"
            raise PolicyError("Policy statement must contain actions.", name, detail)
        for action in actions:
            _check_action(action, name)
            if self.kind is PolicyKind.TRUST and not action.lower().startswith("sts:"):
                raise PolicyError(TRUST_ACTIONS, name, f"{action!r} is none of them")
        return actions

    def _resources(self, written: dict[str, Json], name: str) -> tuple[str, ...] | None:
        resources = self._strings(written, name)
        if self.kind is PolicyKind.TRUST:
            if resources is not None:
                detail = "the resource of a trust policy is the role it is attached to"
                raise PolicyError(f"Has prohibited field {name}.", name, detail)
            return None
        if resources is None and (name == "NotResource" or "NotResource" in written):
            return None
        if not resources:
            detail = "write Resource or NotResource" if resources is None else "the list is empty"
            raise PolicyError("Policy statement must contain resources.", name, detail)
        for resource in resources:
            check_resource(resource, self.kind, name)
            self._check_template(resource, name)
        return tuple(map(complete_arn, resources))

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
        if name == "NotPrincipal" and self.kind is not PolicyKind.RESOURCE:
            raise PolicyError("Has prohibited field NotPrincipal.", name, "use Principal")
        try:
            element = self._principal(written[name])
        except PolicyError as error:
            raise error.within(name) from None
        if self.kind is PolicyKind.RCP and element != "*":
            raise PolicyError(SYNTAX, name, 'a resource control policy names "*"')
        return (element, None) if name == "Principal" else (None, element)

    def _principal(self, value: Json) -> PrincipalElement:
        if value == "*":
            return "*"
        if not isinstance(value, dict) or not value:
            raise PolicyError("Invalid principal in policy", "", '"*" or an object by type')
        found: dict[str, tuple[str, ...]] = {}
        for name in value:
            if name not in PRINCIPAL_TYPES:
                known = ", ".join(sorted(PRINCIPAL_TYPES))
                raise PolicyError("Invalid principal in policy", name, f"not {known}")
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
        message = "Invalid principal in policy"
        if self.kind is PolicyKind.TRUST:
            message = f'Invalid principal in policy: "{name}":"{entry}"'
        raise PolicyError(message, name, f"{entry!r} is not {detail}")

    def _conditions(self, written: Json, effect: Effect) -> Iterator[Condition]:
        if not isinstance(written, dict):
            raise PolicyError(SYNTAX, "Condition", "a condition block is a JSON object")
        for name, keys in written.items():
            try:
                yield from self._operator(name, keys, effect)
            except PolicyError as error:
                raise error.within(f"Condition.{name}") from None

    def _operator(self, name: str, keys: Json, effect: Effect) -> Iterator[Condition]:
        if not isinstance(keys, dict):
            raise PolicyError(SYNTAX, "", "an operator has an object of keys")
        if not keys:
            return
        parsed = parse_operator(name)
        if parsed is None:
            raise PolicyError(SYNTAX, "", "there is no such condition operator")
        _check_keys(keys)
        for key, value in keys.items():
            values = _condition_values(key, value)
            condition = Condition(*parsed, key, values, self.variables)
            if effect is Effect.DENY and not condition.operator.negated:
                _check_readable(condition)
            yield condition


def _check_readable(condition: Condition) -> None:
    # What a Deny does not understand would silently not deny. In an Allow such a value matches
    # nothing, which `lint` reports.
    unreadable = unreadable_values(condition)
    if unreadable:
        family = condition.operator.family
        detail = f"{unreadable[0]!r} is no {family} value, so this Deny would deny nothing"
        raise PolicyError(LEGACY, condition.key, detail)


def _check_action(action: str, path: str) -> None:
    vendor, colon, name = action.partition(":")
    if not colon:
        if action != "*":
            raise PolicyError(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
                path,
                f"{action!r} has no service in front",
            )
        return
    if ":" in name:
        raise PolicyError("Actions/Condition can contain only one colon.", path, f"{action!r}")
    plain = vendor.isascii() and vendor.isalnum()
    if not plain and vendor != "*" and not (vendor and VENDOR.issuperset(vendor)):
        raise PolicyError(f"Vendor {vendor} is not valid", path, f"{action!r}")


def _check_keys(keys: dict[str, Json]) -> None:
    """The case of condition keys does not count, so two that differ only in it are one key."""
    if len(keys) == 1:
        return
    folded = [key.lower() for key in keys]
    if len(set(folded)) != len(folded):
        twice = next(key for key in folded if folded.count(key) > 1)
        raise PolicyError(SYNTAX, "", f"the key {twice!r} is written twice")


def _condition_values(key: str, value: Json) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    values = value if isinstance(value, list) else [value]
    found: list[str] = []
    for each in values:
        if isinstance(each, bool):
            found.append("true" if each else "false")
        elif isinstance(each, str | int | float):
            found.append(str(each))
        else:
            raise PolicyError(SYNTAX, key, "a condition value is a string, number or boolean")
    return tuple(found)


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
