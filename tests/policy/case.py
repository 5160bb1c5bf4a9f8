"""Cases as data: policies, a request, and what AWS's documentation says the decision is.

A case has `name`, `policies` (by layer), `principal`, `action`, `resource`, and `expected` (an
outcome); it may have `context`, `resource_account`, `layer` (the kind of policy that decides),
`sid` (of the statement that decides) and `source` (the page that says so).
"""

import json
from pathlib import Path
from typing import Any

from daypass.policy import (
    AuthorizationRequest,
    Decision,
    Layers,
    PolicyKind,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
    parse_policy,
)

CASES = Path(__file__).parent / "cases"
ACCOUNT = "123456789012"
OTHER_ACCOUNT = "999988887777"


def load(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))


def every_case() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{path.stem}:{case['name']}", case)
        for path in sorted(CASES.glob("*.json"))
        for case in load(path)
    ]


def policy_set(documents: Any, kind: PolicyKind) -> PolicySet | None:
    """None stays absent; one document or a list of them is a layer."""
    if documents is None:
        return None
    listed = documents if isinstance(documents, list) else [documents]
    return PolicySet(parse_policy(json.dumps(document), kind) for document in listed)


def layers_of(policies: dict[str, Any]) -> Layers:
    trust = policies.get("trust")
    resource = policy_set(policies.get("resource"), PolicyKind.RESOURCE)
    return Layers(
        identity=policy_set(policies.get("identity"), PolicyKind.IDENTITY),
        resource=resource if trust is None else policy_set(trust, PolicyKind.TRUST),
        boundary=policy_set(policies.get("boundary"), PolicyKind.BOUNDARY),
        session=policy_set(policies.get("session"), PolicyKind.SESSION),
        scps=[
            policy_set(level, PolicyKind.SCP) or PolicySet() for level in policies.get("scp", ())
        ],
        rcps=[
            policy_set(level, PolicyKind.RCP) or PolicySet() for level in policies.get("rcp", ())
        ],
        vpc_endpoint=policy_set(policies.get("vpce"), PolicyKind.RESOURCE),
        resource_must_allow=trust is not None or policies.get("resource_must_allow", False),
    )


def principal_of(fields: dict[str, str]) -> Principal:
    return Principal(
        PrincipalKind(fields["kind"]), **{k: v for k, v in fields.items() if k != "kind"}
    )


def decide(case: dict[str, Any]) -> Decision:
    request = AuthorizationRequest(
        principal_of(case["principal"]),
        case["action"],
        case["resource"],
        case.get("context", {}),
        case.get("resource_account", ACCOUNT),
    )
    return evaluate(request, layers_of(case["policies"]))
