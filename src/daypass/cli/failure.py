"""How a command fails: what happened, why, and what to do, on stderr, and never a traceback."""

import json
import os
from typing import IO, Final

import click

OK: Final = 0
FAILED: Final = 1  # refused, or failed
USAGE: Final = 2
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
INTERRUPTED: Final = 130

# Where `--output` is kept while a command runs, for its errors.
OUTPUT: Final = "daypass.output"


class Failure(click.ClickException):
    """what, why, remedy: a sentence each; why and remedy may be empty. code: AWS's error code."""

    def __init__(
        self, what: str, why: str = "", remedy: str = "", code: str = "", exit_code: int = FAILED
    ) -> None:
        super().__init__(what)
        self.status = exit_code
        self.what = what
        self.why = why
        self.remedy = remedy
        self.code = code
        context = click.get_current_context(silent=True)
        self._as_json = context is not None and context.meta.get(OUTPUT) == "json"

    def show(self, file: IO[str] | None = None) -> None:
        if self._as_json:
            parts = {
                "What": self.what,
                "Why": self.why,
                "Do": self.remedy,
                "Code": self.code,
            }
            error = {name: text for name, text in parts.items() if text}
            click.echo(json.dumps({"Error": error}), file=file, err=True)
            return
        lines = [f"{click.style('Error:', fg='red', bold=True)} {self.what}"]
        for label, text in (("why", self.why), ("do ", self.remedy)):
            if text:
                lines.append(f"  {click.style(label, bold=True)}  {text}")
        click.echo("\n".join(lines), file=file, err=True, color=color_choice())


def color_choice() -> bool | None:
    """False where the user wants none (https://no-color.org); None: on terminals alone."""
    return False if os.environ.get("NO_COLOR") else None


def failure_of(error: Exception) -> Failure:
    """What a library raised, as a failure of the command.

    Errors are told by their names: importing the libraries for their error classes would cost
    each command half a second.
    """
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).mro()}
    text = str(error).rstrip(".") + "."
    if "daypass.ClientError" in kinds:
        what, why, remedy = (str(getattr(error, part)) for part in ("what", "why", "remedy"))
        return Failure(what, why, remedy, str(getattr(error, "code", "")))
    if kinds & {"daypass.ServerError", "daypass.SigningError"}:
        return Failure(text)
    if "botocore.ClientError" in kinds:
        return _refused(error)
    if "botocore.BotoCoreError" in kinds:
        return Failure("The request was not made.", text, "Check region, profile and endpoint.")
    if "httpx.TransportError" in kinds:
        return Failure("The request failed.", text, "Is the address right, and the server running?")
    if "httpx.InvalidURL" in kinds:
        return Failure("The URL cannot be used.", text)
    if isinstance(error, OSError):
        return Failure(text)
    return Failure(
        f"{type(error).__name__}: {text}",
        "This was not foreseen.",
        "Please report it, with the command that led to it.",
    )


def _refused(error: Exception) -> Failure:
    response = getattr(error, "response", {})
    code = str(response.get("Error", {}).get("Code", ""))
    message = str(response.get("Error", {}).get("Message", ""))
    operation = str(getattr(error, "operation_name", "the operation"))
    return Failure(f"{operation} was refused.", f"{code}: {message}", code=code)
