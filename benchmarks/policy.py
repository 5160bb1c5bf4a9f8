"""Policy evaluation beside cedarpy and moto, interleaved in one process.

Work: managed policies of 5 statements, each with 2 wildcard actions, 2 wildcard resources,
StringLike and IpAddress; a bucket policy of 3 statements; a role session; 14 context keys; a
GetObject that only the last policy grants. Cedar's policies say the same with `like` and
`isInRange`. Every figure is the least over the rounds, in microseconds.

    python -m benchmarks.policy
"""

import gc
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cedarpy
from moto.iam.access_control import IAMPolicy

from daypass.policy import (
    AuthorizationRequest,
    Layers,
    Policy,
    PolicyKind,
    PolicySet,
    Principal,
    PrincipalKind,
    evaluate,
    parse_policy,
)

ACCOUNT = "123456789012"
# Many short rounds: the least of them is the one that nothing else on the machine disturbed.
ROUNDS = 150
SIZES = (10, 50, 100, 500, 1000)
SESSION = Principal(
    PrincipalKind.ROLE_SESSION,
    account=ACCOUNT,
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/worker",
    unique_id="AROAEXAMPLEEXAMPLE00",
)
CONTEXT = {
    "aws:currenttime": "2026-11-24T12:00:00Z",
    "aws:epochtime": "1795521600",
    "aws:multifactorauthpresent": "false",
    "aws:principalaccount": ACCOUNT,
    "aws:principalarn": SESSION.role_arn,
    "aws:principaltype": "AssumedRole",
    "aws:requestedregion": "eu-central-1",
    "aws:securetransport": "true",
    "aws:sourceip": "10.1.2.3",
    "aws:tokenissuetime": "2026-11-24T11:00:00Z",
    "aws:useragent": "Boto3/1.40",
    "aws:userid": "AROAEXAMPLEEXAMPLE00:session",
    "aws:viaawsservice": "false",
    "s3:prefix": "reports/",
}


def statement(number: int) -> dict[str, object]:
    """One statement of the work; its resources are its own."""
    return {
        "Sid": f"S{number}",
        "Effect": "Allow",
        "Action": ["s3:Get*", "s3:List*"],
        "Resource": [f"arn:aws:s3:::bucket-{number:04}", f"arn:aws:s3:::bucket-{number:04}/*"],
        "Condition": {
            "StringLike": {"aws:userid": "AROA*:session"},
            "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
        },
    }


def documents(statements: list[dict[str, object]]) -> list[str]:
    """The statements in policies of five."""
    chunks = [statements[start : start + 5] for start in range(0, len(statements), 5)]
    return [json.dumps({"Version": "2012-10-17", "Statement": chunk}) for chunk in chunks]


BUCKET_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": "arn:aws:s3:::bucket-*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"},
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::bucket-*",
            },
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::bucket-*",
            },
        ],
    }
)


def request_for(number: int) -> AuthorizationRequest:
    resource = f"arn:aws:s3:::bucket-{number:04}/reports/2026.csv"
    return AuthorizationRequest(SESSION, "s3:GetObject", resource, CONTEXT, ACCOUNT)


def parsed(texts: list[str], kind: PolicyKind = PolicyKind.IDENTITY) -> list[Policy]:
    return [parse_policy(text, kind) for text in texts]


def cedar_policy(number: int) -> str:
    return f"""permit(principal, action, resource) when {{
      (context.action like "s3:Get*" || context.action like "s3:List*") &&
      (context.arn like "arn:aws:s3:::bucket-{number:04}" ||
       context.arn like "arn:aws:s3:::bucket-{number:04}/*") &&
      context.userid like "AROA*:session" &&
      ip(context.sourceip).isInRange(ip("10.0.0.0/8")) }};"""


def daypass_decision(texts: list[str], number: int) -> Callable[[], object]:
    layers = Layers(
        identity=PolicySet(parsed(texts)),
        resource=PolicySet(parsed([BUCKET_POLICY], PolicyKind.RESOURCE)),
    )
    request = request_for(number)
    decision = evaluate(request, layers)
    assert decision.allowed, decision.message()
    return lambda: evaluate(request, layers)


def cedar_decision(count: int) -> Callable[[], object]:
    policies = cedarpy.PolicySet.from_str("\n".join(cedar_policy(n) for n in range(count)))
    entities = cedarpy.Entities.from_json_str("[]")
    asked = request_for(count - 1)
    request = {
        "principal": 'Role::"worker"',
        "action": 'Action::"call"',
        "resource": 'Object::"one"',
        "context": {
            "action": asked.action,
            "arn": asked.resource,
            "userid": CONTEXT["aws:userid"],
            "sourceip": CONTEXT["aws:sourceip"],
        },
    }
    assert cedarpy.is_authorized(request, policies, entities).allowed
    return lambda: cedarpy.is_authorized(request, policies, entities)


def moto_decision(texts: list[str], number: int) -> Callable[[], object]:
    """moto's evaluator with its documents parsed before. It answers DENIED here, which is wrong:
    it fails every condition it is given no values for."""
    policies = [IAMPolicy(text) for text in texts]
    asked = request_for(number)
    values = dict(CONTEXT)
    return lambda: [
        policy.is_action_permitted(asked.action, asked.resource, None, values)
        for policy in policies
    ]


@dataclass
class Contender:
    name: str
    call: Callable[[], object]
    repeat: int
    best: float = float("inf")

    def measure(self) -> None:
        start = time.perf_counter()
        for _ in range(self.repeat):
            self.call()
        self.best = min(self.best, (time.perf_counter() - start) / self.repeat * 1e6)


def race(contenders: list[Contender], rounds: int = ROUNDS) -> list[float]:
    """Interleaved rounds, so that what else the machine does falls on all alike."""
    for _ in range(rounds):
        for contender in contenders:
            contender.measure()
    return [contender.best for contender in contenders]


def calibration() -> float:
    """Microseconds for a fixed loop, to compare machines by."""

    def loop() -> int:
        total = 0
        for number in range(1000):
            total += number & 7
        return total

    return race([Contender("loop", loop, 10)])[0]


def compare_sizes() -> Iterator[str]:
    first = 0.0
    for size in SIZES:
        texts = documents([statement(number) for number in range(size)])
        ours = Contender("daypass", daypass_decision(texts, size - 1), 300)
        cedar = Contender("cedarpy", cedar_decision(size), max(1, 600 // size))
        moto = Contender("moto", moto_decision(texts, size - 1), max(1, 500 // size))
        rounds = ROUNDS if size <= 100 else 3
        us, them, other = race([ours, cedar, moto], rounds)
        first = first or us
        yield (
            f"{size:5} statements: {us:7.2f} µs ({us / first:4.2f} × of 10)   "
            f"cedarpy {them:9.1f} ({them / us:6.0f} ×)   moto {other:10.1f} ({other / us:7.0f} ×)"
        )


def candidate_cost(name: str, make: Callable[[int], dict[str, object]]) -> str:
    """What each further statement costs that no index can exclude."""
    costs = []
    for size in (10, 1010):
        statements = [make(number) for number in range(size - 1)] + [statement(9000)]
        texts = documents(statements)
        costs.append(race([Contender(name, daypass_decision(texts, 9000), 5)], 50)[0])
    return f"{name:46} {(costs[1] - costs[0]) / 1000:6.3f} µs a candidate"


def wild_start(number: int) -> dict[str, object]:
    return statement(number) | {"Resource": [f"arn:aws:s3:::*-{number}/x*"]}


def only_condition(number: int) -> dict[str, object]:
    condition = {"StringEquals": {"s3:prefix": f"home-{number}/"}}
    return statement(number) | {"Resource": "*", "Condition": condition}


def variable(number: int) -> dict[str, object]:
    resource = f"arn:aws:s3:::bucket-9000/${{aws:userid}}/{number}/*"
    return statement(number) | {"Resource": resource}


def build_costs() -> Iterator[str]:
    size = 50
    texts = documents([statement(number) for number in range(size)])
    request = request_for(size - 1)
    compiling = Contender("compile", lambda: PolicySet(parsed(texts)), 1)
    reading = Contender("json", lambda: [json.loads(text) for text in texts], 2)
    compiled, read = race([compiling, reading])
    alone = f"json.loads alone {read / size:.2f}"
    yield f"parse and compile {compiled / size:6.2f} µs a statement ({alone})"
    policies = parsed(texts)
    kept = Layers(identity=PolicySet(policies))
    sets = iter([PolicySet(policies) for _ in range(2 * ROUNDS)])
    cold = Contender("first", lambda: evaluate(request, Layers(identity=next(sets))), 2)
    decision = evaluate(request, kept)
    explained = Contender("explain", decision.explain, 2)
    first, full = race([cold, explained])
    yield f"first request of an action {first / size:6.2f} µs a statement"
    yield f"explanation {full / size:6.2f} µs a statement"


def all_layers() -> str:
    texts = documents([statement(number) for number in range(50)])
    everything = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    )
    rcp = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*",'
        '"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}}'
    )
    layers = Layers(
        identity=PolicySet(parsed(texts)),
        resource=PolicySet(parsed([BUCKET_POLICY], PolicyKind.RESOURCE)),
        boundary=PolicySet(parsed([everything], PolicyKind.BOUNDARY)),
        session=PolicySet(parsed([everything], PolicyKind.SESSION)),
        scps=[PolicySet(parsed([everything], PolicyKind.SCP)) for _ in range(3)],
        rcps=[PolicySet(parsed([rcp], PolicyKind.RCP))],
    )
    request = request_for(49)
    assert evaluate(request, layers).allowed
    best = race([Contender("all", lambda: evaluate(request, layers), 300)])[0]
    return f"all layers (boundary, session, 3 levels of SCP, RCP): {best:.2f} µs"


def main() -> None:
    gc.disable()
    print(f"calibration loop {calibration():.1f} µs")
    for line in compare_sizes():
        print(line)
    print(all_layers())
    print(candidate_cost("resource begins with a wildcard", wild_start))
    print(candidate_cost("Resource *, only a condition differs", only_condition))
    print(candidate_cost("a variable in every resource, same prefix", variable))
    for line in build_costs():
        print(line)


if __name__ == "__main__":
    main()
