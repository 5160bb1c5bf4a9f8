"""AWS's words for what is wrong with a document, which depend on who reads it.

IAM reads the policies of identities, boundaries, sessions and organizations; role trust policies
and the policies of resources are read by a second parser, with words of its own. From answers
recorded at AWS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from daypass.policy.documents import PolicyKind

SYNTAX: Final = "Syntax errors in policy."
LEGACY: Final = "The policy failed legacy parsing"
NO_ACTIONS: Final = "Policy statement must contain actions."
NO_RESOURCES: Final = "Policy statement must contain resources."


@dataclass(frozen=True, slots=True)
class Wording:
    """The message for each flaw. effect, effect_case: `{}` stands for what is written."""

    json: str = SYNTAX
    syntax: str = SYNTAX
    version: str = SYNTAX
    no_statement: str = SYNTAX
    empty_statement: str = SYNTAX
    sids: str = "Statement IDs (SID) in a single policy must be unique."
    no_effect: str = SYNTAX
    effect: str = SYNTAX
    effect_case: str = LEGACY
    no_actions: str = NO_ACTIONS
    empty_actions: str = NO_ACTIONS
    no_resources: str = NO_RESOURCES
    empty_resources: str = NO_RESOURCES


IAM: Final = Wording()
TRUST: Final = Wording(
    json="This policy contains invalid Json",
    syntax="Syntax error in policy.",
    version="The policy must contain a valid version string",
    no_statement="Could not parse the policy: Statement is empty!",
    empty_statement="Could not parse the policy: Statement is empty!",
    sids="The Statement Ids in the policy are not unique",
    no_effect="Missing required field Effect",
    effect="Invalid effect: {}",
    effect_case="Invalid effect: {}",
    no_actions="Missing required field Action",
    empty_actions="Missing required field Action",
)
RESOURCE: Final = replace(
    TRUST,
    syntax="Invalid policy syntax.",
    no_statement="Missing required field Statement",
    no_resources="Missing required field Resource",
    empty_actions="Policy has invalid action",
    empty_resources="Policy has invalid resource",
)
WORDINGS: Final[Mapping[PolicyKind, Wording]] = {
    kind: {PolicyKind.TRUST: TRUST, PolicyKind.RESOURCE: RESOURCE}.get(kind, IAM)
    for kind in PolicyKind
}
