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
    path = "$.Statement[{}]" if isinstance(written, list) else "$.Statement"
    reader = _StatementReader(kind, label, variables)
    statements = [
        reader.read(number, path.format(number), statement)
        for number, statement in enumerate(listed)
    ]
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
    """Reads the statements of one document; holds what all the checks need to know."""

    def __init__(self, kind: PolicyKind, label: str, variables: bool) -> None:
        self.kind = kind
        self.label = label
        self.variables = variables
        self.named_by_holder = not kind.names_principals and kind is not PolicyKind.RCP
        self.path = "$"

    def read(self, number: int, path: str, written: Json) -> Statement:
        """One statement; path is where it stands."""
        self.path = path
        if not isinstance(written, dict):
            raise PolicyError(SYNTAX, self.path, "a statement is a JSON object")
        for name in written:
            if name not in ELEMENTS:
                raise PolicyError(SYNTAX, f"{self.path}.{name}", "no such element")
        for name in ("Action", "Resource", "Principal"):
            if name in written and f"Not{name}" in written:
                raise PolicyError(SYNTAX, self.path, f"{name} and Not{name} exclude each other")
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
        effect, path = written.get("Effect"), f"{self.path}.Effect"
        if not isinstance(effect, str):
            raise PolicyError(SYNTAX, path, "a statement has the Effect Allow or Deny")
        if effect not in EFFECTS:
            known = effect.lower() in ("allow", "deny")
            detail = f"{effect!r} is neither Allow nor Deny; the case counts"
            raise PolicyError(LEGACY if known else SYNTAX, path, detail)
        return EFFECTS[effect]

    def _sid(self, sid: Json) -> str:
        if not isinstance(sid, str):
            raise PolicyError(SYNTAX, f"{self.path}.Sid", "the Sid is a string")
        # Bucket policies may have spaces in theirs.
        if self.kind is not PolicyKind.RESOURCE and sid and not (sid.isascii() and sid.isalnum()):
            raise PolicyError(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies "
                "the regular expression [0-9A-Za-z]*",
                f"{self.path}.Sid",
                f"{sid!r} has other characters",
            )
        return sid

    def _strings(self, written: dict[str, Json], name: str) -> tuple[str, ...] | None:
        if name not in written:
            return None
        value = written[name]
        values = value if isinstance(value, list) else [value]
        found = tuple(each for each in values if isinstance(each, str))
        if len(found) != len(values):
            raise PolicyError(SYNTAX, f"{self.path}.{name}", "a string or a list of strings")
        return found

    def _actions(self, written: dict[str, Json], name: str) -> tuple[str, ...] | None:
        path = f"{self.path}.{name}"
        actions = self._strings(written, name)
        if actions is None:
            if name == "Action" and "NotAction" not in written:
                raise PolicyError(
                    "Policy statement must contain actions.", path, "write Action or NotAction"
                )
            return None
        if not actions:
            raise PolicyError("Policy statement must contain actions.", path, "the list is empty")
        for action in actions:
            _check_action(action, path)
            if self.kind is PolicyKind.TRUST and not action.lower().startswith("sts:"):
                raise PolicyError(TRUST_ACTIONS, path, f"{action!r} is none of them")
        return actions

    def _resources(self, written: dict[str, Json], name: str) -> tuple[str, ...] | None:
        path = f"{self.path}.{name}"
        resources = self._strings(written, name)
        if self.kind is PolicyKind.TRUST:
            if resources is not None:
                detail = "the resource of a trust policy is the role it is attached to"
                raise PolicyError(f"Has prohibited field {name}.", path, detail)
            return None
        if resources is None:
            if name == "Resource" and "NotResource" not in written:
                raise PolicyError(
                    "Policy statement must contain resources.", path, 'write "Resource"'
                )
            return None
        if not resources:
            raise PolicyError("Policy statement must contain resources.", path, "the list is empty")
        for resource in resources:
            check_resource(resource, self.kind, path)
            self._check_template(resource, path)
        return tuple(complete_arn(resource) for resource in resources)

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
        named = [name for name in ("Principal", "NotPrincipal") if name in written]
        if self.named_by_holder:
            raise PolicyError(
                "Policy document should not specify a principal.",
                f"{self.path}.{named[0]}",
                "the principal is whoever the policy is attached to",
            )
        if not named:
            raise PolicyError(
                "Missing required field Principal", self.path, "say whom the statement means"
            )
        if named == ["NotPrincipal"] and self.kind is not PolicyKind.RESOURCE:
            raise PolicyError(
                "Has prohibited field NotPrincipal.", f"{self.path}.NotPrincipal", "use Principal"
            )
        element = self._principal(written[named[0]], f"{self.path}.{named[0]}")
        if self.kind is PolicyKind.RCP and element != "*":
            raise PolicyError(
                SYNTAX, f"{self.path}.Principal", 'a resource control policy names "*"'
            )
        return (element, None) if named == ["Principal"] else (None, element)

    def _principal(self, value: Json, path: str) -> PrincipalElement:
        if value == "*":
            return "*"
        if not isinstance(value, dict) or not value:
            raise PolicyError("Invalid principal in policy", path, '"*" or an object by type')
        found: dict[str, tuple[str, ...]] = {}
        for name in value:
            if name not in PRINCIPAL_TYPES:
                known = ", ".join(sorted(PRINCIPAL_TYPES))
                raise PolicyError("Invalid principal in policy", f"{path}.{name}", f"not {known}")
            entries = self._strings(value, name) or ()
            for entry in entries:
                self._check_principal(name, entry, f"{path}.{name}")
            if not entries:
                raise PolicyError("Invalid principal in policy", f"{path}.{name}", "it is empty")
            found[name] = entries
        return found

    def _check_principal(self, name: str, entry: str, path: str) -> None:
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
        raise PolicyError(message, path, f"{entry!r} is not {detail}")

    def _conditions(self, written: Json, effect: Effect) -> Iterator[Condition]:
        path = f"{self.path}.Condition"
        if not isinstance(written, dict):
            raise PolicyError(SYNTAX, path, "a condition block is a JSON object")
        for name, keys in written.items():
            if not isinstance(keys, dict):
                raise PolicyError(SYNTAX, f"{path}.{name}", "an operator has an object of keys")
            if not keys:
                continue
            parsed = parse_operator(name)
            if parsed is None:
                raise PolicyError(SYNTAX, f"{path}.{name}", "there is no such condition operator")
            _check_keys(keys, f"{path}.{name}")
            for key, value in keys.items():
                values = _condition_values(value, f"{path}.{name}.{key}")
                operator, set_operator, if_exists = parsed
                condition = Condition(
                    operator, set_operator, if_exists, key, values, self.variables
                )
                self._check_readable(condition, effect, f"{path}.{name}.{key}")
                yield condition

    def _check_readable(self, condition: Condition, effect: Effect, path: str) -> None:
        # What a Deny does not understand would silently not deny. In an Allow such a value
        # matches nothing, which `lint` reports.
        if effect is Effect.DENY and not condition.operator.negated:
            unreadable = unreadable_values(condition)
            if unreadable:
                family = condition.operator.family
                detail = f"{unreadable[0]!r} is no {family} value, so this Deny would deny nothing"
                raise PolicyError(LEGACY, path, detail)


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


def _check_keys(keys: dict[str, Json], path: str) -> None:
    """The case of condition keys does not count, so two that differ only in it are one key."""
    if len(keys) == 1:
        return
    folded = [key.lower() for key in keys]
    if len(set(folded)) != len(folded):
        twice = next(key for key in folded if folded.count(key) > 1)
        raise PolicyError(SYNTAX, path, f"the key {twice!r} is written twice")


def _condition_values(value: Json, path: str) -> tuple[str, ...]:
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
            raise PolicyError(SYNTAX, path, "a condition value is a string, number or boolean")
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
