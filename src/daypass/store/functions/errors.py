"""Why a write could not be done."""


class FunctionStoreError(Exception):
    """A write that the state of the functions does not allow; nothing was written."""


class FunctionExistsError(FunctionStoreError):
    """A function of this name exists."""


class NoSuchFunctionError(FunctionStoreError):
    """No function of this name exists any more."""


class StaleRevisionError(FunctionStoreError):
    """The function's revision is no longer the one the caller knows."""


class StatementExistsError(FunctionStoreError):
    """The function's policy has a statement of this id."""


class NoSuchStatementError(FunctionStoreError):
    """The function's policy has no statement of this id."""


class UrlExistsError(FunctionStoreError):
    """The function has a URL."""


class NoSuchUrlError(FunctionStoreError):
    """The function has no URL."""


class UrlIdTakenError(FunctionStoreError):
    """Another function's URL has this id."""
