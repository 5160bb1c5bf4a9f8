"""The IAM policy language: documents parsed, evaluated exactly as AWS does, and explained."""

from daypass.policy.decision import Decision
from daypass.policy.documents import Effect, Policy, PolicyKind, Statement, policy_size
from daypass.policy.errors import PolicyError
from daypass.policy.evaluation import evaluate
from daypass.policy.explanation import Explanation
from daypass.policy.grammar import parse_policy, require_current_version
from daypass.policy.policyset import PolicySet
from daypass.policy.principals import ANONYMOUS, Principal, PrincipalKind
from daypass.policy.requests import AuthorizationRequest, Layer, Layers, Outcome

__all__ = [
    "ANONYMOUS",
    "AuthorizationRequest",
    "Decision",
    "Effect",
    "Explanation",
    "Layer",
    "Layers",
    "Outcome",
    "Policy",
    "PolicyError",
    "PolicyKind",
    "PolicySet",
    "Principal",
    "PrincipalKind",
    "Statement",
    "evaluate",
    "parse_policy",
    "policy_size",
    "require_current_version",
]
