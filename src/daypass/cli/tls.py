"""Which authorities the commands trust."""

import os
import ssl

from daypass.cli.failure import Failure


def trusting(cacert: str | None) -> ssl.SSLContext:
    """The file's authorities alone, or AWS_CA_BUNDLE's, as every AWS tool reads it, or the
    system's. Raises `Failure`."""
    file = cacert or os.environ.get("AWS_CA_BUNDLE") or None
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise Failure(f"The authority in {file} cannot be used.", f"{error}.") from error
