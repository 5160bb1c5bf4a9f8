"""Why a write could not be done."""

from collections.abc import Sequence


class FunctionStoreError(Exception):
    """A write that the state of the functions does not allow; nothing was written."""


class FunctionExistsError(FunctionStoreError):
    """A function of this name exists."""


class NoSuchFunctionError(FunctionStoreError):
    """No function of this name exists any more."""


class StaleRevisionError(FunctionStoreError):
    """The revision is no longer the one the caller knows."""


class StaleContentError(FunctionStoreError):
    """Code or configuration changed since the change to them began."""


class CodeDiffersError(FunctionStoreError):
    """The code of $LATEST is not the code the caller knows."""


class NoSuchVersionError(FunctionStoreError):
    """The function has no such version."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.version = version


class VersionInUseError(FunctionStoreError):
    """Aliases refer to the version."""

    def __init__(self, aliases: Sequence[str]) -> None:
        super().__init__(", ".join(aliases))
        self.aliases = aliases


class AliasExistsError(FunctionStoreError):
    """The function has an alias of this name."""


class NoSuchAliasError(FunctionStoreError):
    """The function has no alias of this name."""


class StatementExistsError(FunctionStoreError):
    """The policy has a statement of this id."""


class NoSuchStatementError(FunctionStoreError):
    """The policy has no statement of this id."""


class UrlExistsError(FunctionStoreError):
    """The function, or the alias, has a URL."""


class NoSuchUrlError(FunctionStoreError):
    """The function, or the alias, has no URL."""


class UrlIdTakenError(FunctionStoreError):
    """Another URL has this id."""


class NoSuchEventConfigError(FunctionStoreError):
    """Nothing is configured for the asynchronous events of this qualifier."""


class NoSuchLayerError(FunctionStoreError):
    """The layer has no such version."""
