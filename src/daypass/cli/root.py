"""`daypass`: the command and its subcommands."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import click
from click.shell_completion import CompletionItem

from daypass import __version__
from daypass.cli.failure import FAILED, INTERRUPTED, Failure, color_choice, failure_of

# Subcommands by what they are for: the module each is in, and what it does. Modules are imported
# when needed alone.
_SECTIONS: Final = {
    "Credentials": {
        "assume": ("assume", "Assume a role and print its temporary credentials."),
        "exec": ("execute", "Run a command with a role's temporary credentials."),
        "use": ("use", "Switch this shell to a profile."),
        "shell-init": ("use", "Print what `daypass use` and completion need in a shell."),
        "login": ("login", "Get a profile's credentials now, with all that has to be typed."),
        "whoami": ("whoami", "Say who the current credentials are, and how long they last."),
        "profiles": ("profiles", "List the profiles of ~/.aws/config, or choose one."),
        "credential-process": (
            "credential_process",
            "Print credentials as SDKs read them from credential_process.",
        ),
        "serve-credentials": (
            "serve_credentials",
            "Serve credentials that SDKs renew, on this machine's loopback address.",
        ),
        "console": ("console", "Print a URL that signs in to the AWS console."),
        "cache": ("cache", "Show and drop the sessions that are kept between runs."),
    },
    "Requests": {
        "call": ("call", "Send a signed HTTP request, like curl."),
        "presign": ("presign", "Print a URL that anyone may use for a while."),
        "sign": ("sign", "Sign a request, for another program to send."),
        "proxy": ("proxy", "Sign what programs send through a port of this machine."),
    },
    "Why it was refused": {
        "explain": ("explain", "Say why a request was refused."),
        "doctor": ("doctor", "Check how credentials are found, and say what to fix."),
        "policy": ("policy", "Check, simulate and explain IAM policies."),
    },
    "Functions": {
        "deploy": ("deploy", "Make functions of files: role, function and URL in one go."),
        "invoke": ("invoke", "Run a function, and show what it answers and logs."),
        "logs": ("logs", "Show what a function wrote, and follow what it writes."),
    },
    "A server of one's own": {
        "serve": ("server", "Run STS, IAM, Lambda with Function URLs, S3 and Logs on one port."),
        "demo": ("demo", "Show the whole story on a server of its own, with real clients."),
        "sandbox": ("sandbox", "Run a program written for AWS against a server, as it is."),
        "env": ("server", "Print what a shell needs to use a running server."),
        "init": ("server", "Make a data directory with an account and its root access key."),
        "ca": ("server", "Print the path of a server's certificate authority."),
        "sessions": ("sessions", "List, trace and revoke the sessions of a server."),
        "keys": ("keys", "Show and rotate the keys that seal a server's session tokens."),
        "audit": ("audit", "Show a server's audit trail, and check that it is whole."),
    },
}
_COMMANDS: Final = {name: found for each in _SECTIONS.values() for name, found in each.items()}

_EPILOG: Final = """\
\b
Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 130 interrupted.
`daypass exec` and `sandbox` end with the code of their command, 126 or 127 if it cannot be run.

\b
`daypass use` and completion: eval "$(daypass shell-init bash)" in ~/.bashrc (or zsh; in fish:
daypass shell-init fish | source; there is powershell, too).
"""


class LazyGroup(click.Group):
    """A group that imports the module of a subcommand only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[cmd_name]
        command: click.Command = import_module(f"daypass.cli.{module}").COMMANDS[cmd_name]
        gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for section, commands in _SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        commands = [
            CompletionItem(name, help=text)
            for name, (_, text) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            with ctx:
                raise failure_of(error) from error


@click.group(
    cls=LazyGroup,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="daypass")
def cli() -> None:
    """Temporary AWS credentials, end to end: issue them, use them, enforce them, and see exactly
    why a request was let in or turned away."""


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    if os.environ.get("_DAYPASS_COMPLETE", "").startswith("powershell"):
        import daypass.cli.shells  # noqa: F401, PLC0415 - click does not know this shell itself
    try:
        code = cli.main(arguments, prog_name="daypass", standalone_mode=False, color=color_choice())
    except Failure as failure:
        failure.show()
        sys.exit(failure.status)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe left; Python must not fail once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    sys.exit(code if isinstance(code, int) else 0)
