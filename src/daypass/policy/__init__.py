"""The IAM policy language: documents parsed, evaluated exactly as AWS does, and explained."""

from daypass.policy.access_denied import AccessDenied, read_access_denied
from daypass.policy.callers import principal_keys, principal_of
from daypass.policy.decision import Decision, evaluate
from daypass.policy.documents import Effect, Policy, PolicyKind, Statement, policy_size
from daypass.policy.errors import PolicyError
from daypass.policy.explanation import Considered, Explanation, LayerAnswer, Mismatch
from daypass.policy.grammar import parse_policy, parse_session_policy, require_current_version
from daypass.policy.linter import Finding, Severity, lint
from daypass.policy.policyset import PolicySet
from daypass.policy.positions import Position, statement_positions
from daypass.policy.principals import ANONYMOUS, Principal, PrincipalKind
from daypass.policy.remedy import Remedy
from daypass.policy.requests import AuthorizationRequest, Layer, Layers, Outcome

__all__ = [
    "ANONYMOUS",
    "AccessDenied",
    "AuthorizationRequest",
    "Considered",
    "Decision",
    "Effect",
    "Explanation",
    "Finding",
    "Layer",
    "LayerAnswer",
    "Layers",
    "Mismatch",
    "Outcome",
    "Policy",
    "PolicyError",
    "PolicyKind",
    "PolicySet",
    "Position",
    "Principal",
    "PrincipalKind",
    "Remedy",
    "Severity",
    "Statement",
    "evaluate",
    "lint",
    "parse_policy",
    "parse_session_policy",
    "policy_size",
    "principal_keys",
    "principal_of",
    "read_access_denied",
    "require_current_version",
    "statement_positions",
]
