"""Why an identity provider's response, or its metadata, is refused.

    SamlError
    ├── MetadataError             a metadata document no provider can be made of
    │   └── MetadataQuotaError    it describes more than a provider may have
    ├── InvalidResponseError      not a response this server takes, or not of this provider
    ├── ExpiredResponseError      it was good, and is not any more
    ├── RejectedResponseError     well signed, and says what no session may have
    └── UnauthorizedResponseError it vouches for nobody

Where AWS's words are known they are used, misspellings included. None holds anything of a
response, so that an error or a log never carries what nobody has verified.
"""


class SamlError(Exception):
    """A response or a metadata document was refused. The text is what the caller is told."""


class MetadataError(SamlError):
    """The metadata document cannot be used. The text says why, for whoever sent it."""


class MetadataQuotaError(MetadataError):
    """The metadata document describes more than a provider may have."""

    def __init__(self, quota: str, limit: int) -> None:
        super().__init__(f"Cannot exceed quota for {quota}: {limit}")
        self.quota = quota
        self.limit = limit


class InvalidResponseError(SamlError):
    """The response cannot be validated."""


class ExpiredResponseError(SamlError):
    """The response's time is over."""


class RejectedResponseError(SamlError):
    """The provider says that it authenticated nobody, or an attribute cannot be used."""


class UnauthorizedResponseError(SamlError):
    """The assertion names no subject."""


def invalid_signature() -> InvalidResponseError:
    return InvalidResponseError("Response signature invalid")
