"""The IAM policy language: documents parsed, evaluated exactly as AWS does, and explained."""

from daypass.policy.decision import Decision, evaluate
from daypass.policy.documents import Effect, Policy, PolicyKind, Statement, policy_size
from daypass.policy.errors import PolicyError
from daypass.policy.explanation import Considered, Explanation, LayerAnswer, Mismatch
from daypass.policy.grammar import parse_policy, require_current_version
from daypass.policy.policyset import PolicySet
from daypass.policy.principals import ANONYMOUS, Principal, PrincipalKind
from daypass.policy.remedy import Remedy
from daypass.policy.requests import AuthorizationRequest, Layer, Layers, Outcome

__all__ = [
    "ANONYMOUS",
    "AuthorizationRequest",
    "Considered",
    "Decision",
    "Effect",
    "Explanation",
    "Layer",
    "LayerAnswer",
    "Layers",
    "Mismatch",
    "Outcome",
    "Policy",
    "PolicyError",
    "PolicyKind",
    "PolicySet",
    "Principal",
    "PrincipalKind",
    "Remedy",
    "Statement",
    "evaluate",
    "parse_policy",
    "policy_size",
    "require_current_version",
]
