"""Resource ARNs in policies: what may be written, and when one matches.

From "IAM JSON policy elements: Resource": wildcards stand within the segments of an ARN; a `*`
that ends a segment may run across the colons after it.
"""

from typing import Final

from daypass.policy.documents import PolicyKind
from daypass.policy.errors import PolicyError
from daypass.policy.patterns import Context, Matcher, Pattern, compile_pattern, literal_prefix
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
# AWS's own managed policies name the second too, which its message does not list.
UNLISTED_IAM_PATHS: Final = ("root", "role-template/")
INVALID_RESOURCE: Final = "Policy has invalid resource"


def check_resource(resource: str, kind: PolicyKind, path: str) -> None:
    """Raises `PolicyError` for a resource that a policy of this kind cannot name."""
    if resource == "*":
        return
    segments = split_segments(resource)
    message = _identity_message(resource, segments)
    if message is None and (len(segments) == 6 or kind is PolicyKind.IDENTITY):
        return
    if message is None or kind is PolicyKind.RESOURCE:
        message = INVALID_RESOURCE
    raise PolicyError(message, path, f"{resource!r}")


def _identity_message(resource: str, segments: list[str]) -> str | None:
    """IAM's words for a resource it refuses."""
    if segments[0] != "arn" or len(segments) == 1:
        return f'Resource {resource} must be in ARN format or "*".'
    if len(segments) < 6:
        segments = [*segments, *("*" * (6 - len(segments)))]
    _, partition, service, region, account, name = segments
    if partition not in PARTITIONS:
        full = f"arn:{partition}:{service}:{region}:{account}:{name}"
        return f'Partition "{partition}" is not valid for resource "{full}".'
    if not service.replace("-", "").isalnum() and service != "":
        return "Resource vendor must be fully qualified and cannot contain regexes."
    if not service or (resource.count(":") < 5 and "::" in resource):
        return "The policy failed legacy parsing"
    if service == "iam" and region not in ("", "*"):
        return f"IAM resource {resource} cannot contain region information."
    if service == "s3" and region not in ("", "*") and not account:
        return f"Resource {resource} can not contain region information."
    if service == "iam" and name != "*" and not name.startswith(IAM_PATHS + UNLISTED_IAM_PATHS):
        paths = ", ".join(IAM_PATHS)
        return f'IAM resource path must either be "*", root, or start with {paths}.'
    return None


def complete_arn(resource: str) -> str:
    """`arn:aws:sqs` means `arn:aws:sqs:*:*:*`."""
    if resource == "*" or resource.count(":") == 5:
        return resource
    return resource + ":*" * (6 - len(split_segments(resource)))


def resource_pattern(resource: str, variables: bool) -> Pattern:
    """The tokens of a resource that was checked."""
    return parse_template(resource, wildcards=True, variables=variables)


def compile_resource(resource: str, variables: bool, pattern: Pattern) -> Matcher:
    """A function that says whether the ARN of a request is meant, which must begin with the
    literal prefix of the pattern, the resource's tokens."""
    if literal_prefix(pattern).count(":") < 5:
        segments = split_segments(resource)
        if len(segments) == 6 and any(map(_bounded, segments[:5])):
            return _segment_matcher(segments, variables)
    return compile_pattern(pattern, prefix_known=True)


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
