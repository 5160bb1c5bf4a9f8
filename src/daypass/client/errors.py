"""What the client raises.

ClientError
├── UnknownEndpointError     nothing says which service or region to sign for
├── NoCredentialsError       no credentials were found where they were looked for
├── CredentialsRefusedError  the service that issues them said no
├── CredentialsUnavailableError  there are some, but they are over, broken or out of reach
│   ├── ConfigurationError   a configuration file, or a profile in it, cannot be used
│   └── MfaCodeNeededError   a code is needed, and there is nobody to ask for it
├── UnsignableBodyError      the body's bytes cannot be known before they are sent
└── SignatureRefusedError    the service that was asked did not accept the signature
"""


class ClientError(Exception):
    """what happened, why, and what to do, each a sentence; why and remedy may be empty."""

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(" ".join(part for part in (what, why, remedy) if part))
        self.what = what
        self.why = why
        self.remedy = remedy


class UnknownEndpointError(ClientError):
    """Neither the caller nor the host name says which service or region to sign for."""


class NoCredentialsError(ClientError):
    """No credentials were found where they were looked for."""


class CredentialsRefusedError(ClientError):
    """STS answered with an error. code: AWS's, such as "AccessDenied"."""

    def __init__(self, code: str, what: str, why: str, remedy: str = "") -> None:
        super().__init__(what, why, remedy)
        self.code = code


class CredentialsUnavailableError(ClientError):
    """There are credentials, but they have expired, are incomplete, or their source cannot be
    reached."""


class ConfigurationError(CredentialsUnavailableError):
    """A file of AWS's configuration cannot be read, or a profile in it contradicts itself."""


class MfaCodeNeededError(CredentialsUnavailableError):
    """A code of an MFA device is needed, and there is no terminal on which to ask for it."""


class UnsignableBodyError(ClientError):
    """The body can be read only once, or as text, so its hash cannot be signed."""


class SignatureRefusedError(ClientError):
    """The service did not accept the signature; `why` is the diagnosis.

    code: the service's, such as "SignatureDoesNotMatch", "" where it gave none. status: HTTP's.
    response: the refusing answer, read, of the HTTP library that was used.
    """

    def __init__(
        self, what: str, why: str, remedy: str, *, code: str, status: int, response: object
    ) -> None:
        super().__init__(what, why, remedy)
        self.code = code
        self.status = status
        self.response = response
