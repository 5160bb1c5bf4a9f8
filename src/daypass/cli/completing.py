"""What a shell is offered to complete."""

import click
from click.shell_completion import CompletionItem


def complete_profiles(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of profiles; nothing where the files cannot be read."""
    return [
        CompletionItem(name, help=role or "")
        for name, role in _profiles().items()
        if name.startswith(incomplete)
    ]


def complete_roles(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """ARNs of the roles that profiles name."""
    named = {role: name for name, role in _profiles().items() if role}
    return [
        CompletionItem(arn, help=f"the role of {name}")
        for arn, name in named.items()
        if arn.startswith(incomplete)
    ]


def complete_targets(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Both."""
    profiles = complete_profiles(ctx, parameter, incomplete)
    return profiles + complete_roles(ctx, parameter, incomplete)


def _profiles() -> dict[str, str | None]:
    """Each profile, and its role if it has one."""
    from daypass.client.config import read_configuration  # noqa: PLC0415 - only to complete
    from daypass.client.errors import ClientError  # noqa: PLC0415

    try:
        configuration = read_configuration()
    except ClientError:
        return {}
    return {name: configuration.text(name, "role_arn") for name in configuration.profiles}
