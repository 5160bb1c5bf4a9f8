"""The error an operation answers with, in AWS's terms."""

from collections.abc import Mapping


class ServiceError(Exception):
    """An AWS error: `code` and `message` as AWS words them, and its HTTP `status`.

    fields: further members of the error's body (S3's BucketName, Lambda's Type), by name.
    headers: further response headers. A status of 500 and above is the server's fault, all
    others the sender's.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields: Mapping[str, str] = fields or {}
        self.headers: Mapping[str, str] = headers or {}
