"""What S3 does that its service model does not say: names of documents, and its own errors."""

from collections.abc import Mapping, Sequence
from typing import Final

from daypass.protocol.errors import ServiceError
from daypass.protocol.faults import Misrouted
from daypass.protocol.message import Request
from daypass.protocol.shapes import Member, Shape
from daypass.protocol.validation import MUST_NOT_BE_NULL, Problem

# The root elements of answers whose members are the document themselves (S3 API reference).
ROOTS: Final[Mapping[str, str]] = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}

# Values outside the model that S3 refuses with a code or sentence of their own, by shape.
_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "EncodingType": ("InvalidArgument", "Invalid Encoding Method specified in Request"),
    "MetadataDirective": ("InvalidArgument", "Unknown metadata directive."),
    "TaggingDirective": ("InvalidArgument", "Unknown tagging directive."),
    "ObjectLockMode": ("InvalidArgument", "Unknown wormMode directive."),
    "ObjectLockLegalHoldStatus": (
        "InvalidArgument",
        "Legal Hold must be either of 'ON' or 'OFF'",
    ),
    "CopySource": (
        "InvalidArgument",
        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
    ),
    "StorageClass": ("InvalidStorageClass", "The storage class you specified is not valid"),
}

# Bodies in which S3 takes values that the model does not list, or refuses them by codes of the
# operation's own (InvalidLocationConstraint).
_OPEN_BODIES: Final = frozenset({"BucketLocationConstraint"})

# A detail may name an element of the sender's, whose name may be as long as the body.
_LONGEST_DETAIL: Final = 256

_RESOURCES: Final = ("SERVICE", "BUCKET", "OBJECT")


def is_lenient(shape: Shape) -> bool:
    """Whether values outside the shape's enumeration are for the operation to judge."""
    return shape.name in _OPEN_BODIES


class S3Faults:
    """S3's errors for requests that name no operation or do not fit its model."""

    def misrouted(self, request: Request, _path: str, why: Misrouted) -> ServiceError:
        if not why.known_path:
            return ServiceError("InvalidBucketName", "The specified bucket is not valid.")
        if why.conflict:
            message = f"Conflicting query string parameters: {', '.join(why.subresources)}"
            return _invalid_argument(message, "ResourceType", why.subresources[0])
        if request.method == "POST" and why.labels == 1 and not why.subresources:
            return _refuse_form(request)
        resource = (why.subresources or (_RESOURCES[min(why.labels, 2)],))[0]
        fields = {"Method": request.method, "ResourceType": resource}
        message = "The specified method is not allowed against this resource."
        return ServiceError("MethodNotAllowed", message, 405, fields=fields)

    def malformed_uri(self, detail: str) -> ServiceError:
        return ServiceError("InvalidURI", f"Couldn't parse the specified URI: {detail}.")

    def malformed_body(self, detail: str) -> ServiceError:
        message = (
            "The XML you provided was not well-formed or did not validate against our published "
            f"schema: {detail[:_LONGEST_DETAIL]}"
        )
        return ServiceError("MalformedXML", message)

    def malformed_value(self, member: Member, text: str) -> ServiceError:
        if member.shape.kind in ("integer", "long"):
            message = f"Provided {member.wire} not an integer or within integer range"
        else:
            message = f"The value of {member.wire} is not a valid {member.shape.kind}"
        return _invalid_argument(message, member.wire, text)

    def repeated(self, member: Member) -> ServiceError:
        message = f"{member.wire} has one value and was given more than once."
        return _invalid_argument(message, member.wire, "")

    def invalid(self, members: dict[str, Member], problems: Sequence[Problem]) -> ServiceError:
        """The first problem, in the words S3 has for a member of its kind."""
        problem = problems[0]
        first = problem.where.split(".", 1)[0]
        member = next(m for name, m in members.items() if name.lower() == first.lower())
        missing = problem.constraint == MUST_NOT_BE_NULL
        if not member.location:
            if missing and problem.where == first:
                return ServiceError("MissingRequestBodyError", "Request Body is empty")
            return self.malformed_body(problem.sentence())
        if missing:
            message = f"The request lacks {member.wire}, which it must have."
            return _invalid_argument(message, member.wire, "")
        value = (problem.value or "").strip("'")
        code, message = _SENTENCES.get(problem.shape.name, ("InvalidArgument", problem.sentence()))
        return _invalid_argument(message, member.wire, value, code)

    def unsupported(self, operation: str) -> ServiceError:
        message = f"The operation {operation} is not implemented here."
        return ServiceError("NotImplemented", message, 501)


def _refuse_form(request: Request) -> ServiceError:
    """A POST to a bucket is a browser's form upload, or nothing."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        message = "The operation PostObject is not implemented here."
        return ServiceError("NotImplemented", message, 501)
    message = "Bucket POST must be of the enclosure-type multipart/form-data"
    fields = {"Condition": message}
    return ServiceError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
        fields=fields,
    )


def _invalid_argument(
    message: str, name: str, value: str, code: str = "InvalidArgument"
) -> ServiceError:
    fields = {"ArgumentName": name, "ArgumentValue": value}
    return ServiceError(code, message, fields=fields)
