"""Why a provider's token proves nothing.

    FederationError
    ├── InvalidTokenError           not a token this server takes, or not of this provider
    ├── ExpiredTokenError           it was good, and is not any more
    ├── RejectedClaimError          well signed, and says what no session may have
    └── UnreachableProviderError    the provider could not be asked; worth another try

Each message is AWS's. None holds anything of the token but its issuer's URL, so that an error or a
log never carries what nobody has verified.
"""


class FederationError(Exception):
    """A token or its provider was refused. The text is what the caller is told."""


class InvalidTokenError(FederationError):
    """The token cannot be validated."""


class ExpiredTokenError(FederationError):
    """The token's time is over."""


class RejectedClaimError(FederationError):
    """A claim of a verified token has a value that cannot be used."""


class UnreachableProviderError(FederationError):
    """The provider did not answer, or answered with an error of its own."""


def no_verification_key() -> InvalidTokenError:
    """The provider gives no key, or none in a form that is taken, for this token."""
    return InvalidTokenError(
        "Couldn't retrieve verification key from your identity provider,  please reference "
        "AssumeRoleWithWebIdentity documentation for requirements"
    )


def not_a_jwt() -> InvalidTokenError:
    return InvalidTokenError(
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access "
        "Token)"
    )
