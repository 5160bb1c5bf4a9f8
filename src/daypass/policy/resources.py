"""Resource ARNs in policies: what may be written, and when one matches.

From "IAM JSON policy elements: Resource": wildcards stand within the segments of an ARN; a `*`
that ends a segment may run across the colons after it.
"""

from typing import Final

from daypass.policy.documents import PolicyKind
from daypass.policy.errors import PolicyError
from daypass.policy.patterns import Context, Matcher, Pattern, compile_pattern
from daypass.policy.variables import parse_template, split_segments

PARTITIONS: Final = frozenset(
    (
        "aws",
        "aws-cn",
        "aws-us-gov",
        "aws-eusc",
        "aws-iso",
        "aws-iso-b",
        "aws-iso-e",
        "aws-iso-f",
        "*",
    )
)
IAM_PATHS: Final = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
# AWS's own managed policies name these too, which its message does not list.
UNLISTED_IAM_PATHS: Final = ("root", "role-template/")
INVALID_RESOURCE: Final = "Policy has invalid resource"


def check_resource(resource: str, kind: PolicyKind, path: str) -> None:
    """Raises `PolicyError` for a resource that a policy of this kind cannot name."""
    if resource == "*":
        return
    message = _identity_message(resource)
    incomplete = len(split_segments(resource)) < 6
    if message is None and incomplete and kind is not PolicyKind.IDENTITY:
        message = INVALID_RESOURCE
    if message is not None:
        if kind is PolicyKind.RESOURCE:
            message = INVALID_RESOURCE
        raise PolicyError(message, path, f"{resource!r}")


def _identity_message(resource: str) -> str | None:
    """IAM's words for a resource it refuses."""
    segments = split_segments(resource)
    if segments[0] != "arn" or len(segments) == 1:
        return f'Resource {resource} must be in ARN format or "*".'
    partition, service, region, account, name = [*segments[1:], "*", "*", "*", "*"][:5]
    if partition not in PARTITIONS:
        full = f"arn:{partition}:{service}:{region}:{account}:{name}"
        return f'Partition "{partition}" is not valid for resource "{full}".'
    if len(segments) == 2 or any(character in service for character in "*?${}"):
        return "Resource vendor must be fully qualified and cannot contain regexes."
    if not service or (len(segments) < 6 and "::" in resource):
        return "The policy failed legacy parsing"
    if service == "iam" and region not in ("", "*"):
        return f"IAM resource {resource} cannot contain region information."
    if service == "s3" and region not in ("", "*") and not account:
        return f"Resource {resource} can not contain region information."
    if service == "iam" and name != "*" and not name.startswith(IAM_PATHS + UNLISTED_IAM_PATHS):
        return f'IAM resource path must either be "*" or start with {", ".join(IAM_PATHS)}.'
    return None


def complete_arn(resource: str) -> str:
    """`arn:aws:sqs` means `arn:aws:sqs:*:*:*`."""
    if resource == "*":
        return resource
    return resource + ":*" * (6 - len(split_segments(resource)))


def resource_pattern(resource: str, variables: bool) -> Pattern:
    """The tokens of a resource that was checked."""
    return parse_template(resource, wildcards=True, variables=variables)


def compile_resource(resource: str, variables: bool, *, prefix_known: bool = False) -> Matcher:
    """A function that says whether the ARN of a request is meant. prefix_known: only ARNs are
    asked about that begin with the resource's literal prefix."""
    segments = split_segments(resource)
    if len(segments) < 6 or not any(map(_bounded, segments[:5])):
        return compile_pattern(resource_pattern(resource, variables), prefix_known=prefix_known)
    return _segment_matcher(segments, variables)


def _bounded(segment: str) -> bool:
    """Whether a wildcard in it must not cross a colon: a `?`, or a `*` that is not its end."""
    return "*" in segment[:-1] or "?" in segment


def _segment_matcher(segments: list[str], variables: bool) -> Matcher:
    """Compares segment by segment; only the last may hold colons."""
    tests = [compile_pattern(resource_pattern(segment, variables)) for segment in segments]

    def match(text: str, context: Context) -> bool:
        found = text.split(":", 5)
        return len(found) == 6 and all(
            test(segment, context) for test, segment in zip(tests, found, strict=True)
        )

    return match
