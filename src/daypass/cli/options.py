"""Options that several commands share, and what their values are."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from daypass.cli.failure import OUTPUT

Command = TypeVar("Command", bound=Callable[..., Any])


def _remember(ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    ctx.meta[OUTPUT] = value
    return value


# Eager: errors about other options already know how they are to be written.
output_option = click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    is_eager=True,
    callback=_remember,
    help="text for people, json for programs (errors too, on stderr).",
)

data_option = click.option(
    "--data",
    # Absolute: the server's processes do not all stay in the directory it was started in.
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    default="daypass-data",
    show_default=True,
    envvar="DAYPASS_DATA",
    show_envvar=True,
    help="The server's data directory.",
)


@dataclass(frozen=True, slots=True)
class Connection:
    """Whose credentials are used, and where. None: as the environment and profiles say."""

    profile: str | None
    region: str | None
    endpoint_url: str | None


def connection_options(command: Command) -> Command:
    """--profile, --region, --endpoint-url, as for every AWS tool."""
    for option in (
        click.option("--endpoint-url", metavar="URL", help="Overrides AWS_ENDPOINT_URL."),
        click.option("--region", help="Overrides AWS_REGION."),
        click.option("--profile", help="A profile of ~/.aws/config."),
    ):
        command = option(command)
    return command


class Duration(click.ParamType[int]):
    """Seconds, or minutes or hours: 900, 15m, 1h."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        text = str(value).strip().lower()
        unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 0)
        digits = text[:-1] if unit else text
        if not digits.isascii() or not digits.isdigit():
            self.fail(f"{value!r} is no duration: give seconds, or like 15m or 1h.", param, ctx)
        return int(digits) * (unit or 1)


class TextOrFile(click.ParamType[str]):
    """Text, or the text of the file named after an @."""

    name = "text|@file"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value)
        if not text.startswith("@"):
            return text
        try:
            return Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{text[1:]} cannot be read: {error}.", param, ctx)
