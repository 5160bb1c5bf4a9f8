"""`daypass policy simulate`: what would be decided."""

from collections.abc import Sequence

import click

from daypass.cli.failure import FAILED, OK
from daypass.cli.options import output_option
from daypass.cli.policy.question import Question, decisions, question_options
from daypass.cli.present import print_json, print_table
from daypass.policy import Decision, Mismatch, Outcome


@click.command()
@question_options
@output_option
def simulate(question: Question, output: str) -> int:
    """Decide requests as AWS does, without making them: each --action on each --resource.

    The policies come from files, and with --from-server from IAM. A FILE may be a directory, of
    which the files that end in .json are read. Ends with 1 if anything is denied.

    \b
    Examples:
      daypass policy simulate --principal arn:aws:iam::111122223333:user/alice \\
        --identity developers.json --boundary fence.json \\
        --action s3:GetObject --action ec2:RunInstances
      daypass policy simulate --from-server --action s3:GetObject \\
        --resource arn:aws:s3:::reports/2026.csv --context aws:SourceIp=10.1.2.3
    """
    decided = decisions(question)
    allowed = all(decision.allowed for decision in decided)
    if output == "json":
        print_json({"Allowed": allowed, "Results": [_data(decision) for decision in decided]})
    else:
        _print(decided)
    return OK if allowed else FAILED


def _print(decided: Sequence[Decision]) -> None:
    print_table(
        ("Decision", "Action", "Resource", "By"),
        [(_word(each), each.request.action, each.request.resource, _by(each)) for each in decided],
    )
    missing = sorted({key for decision in decided for key in _missing_keys(decision)})
    if missing:
        click.echo(f"\nAsked about by a policy, and not given: {', '.join(missing)}", err=True)


def _word(decision: Decision) -> str:
    word = {
        Outcome.ALLOW: click.style("allowed", fg="green"),
        Outcome.IMPLICIT_DENY: click.style("denied", fg="red"),
        Outcome.EXPLICIT_DENY: click.style("denied explicitly", fg="red"),
    }
    return word[decision.outcome]


def _by(decision: Decision) -> str:
    """What decided."""
    statement = decision.statement
    if statement is None:
        return str(decision.layer) if decision.allowed else f"no {decision.layer} allows it"
    label = f" of {statement.label}" if statement.label else ""
    return f"{decision.layer}: {statement.name}{label}"


def _missing_keys(decision: Decision) -> set[str]:
    """Condition keys on which a statement failed because the request has none."""
    return {
        considered.condition.key
        for answer in decision.explain().answers
        for considered in answer.statements
        if considered.mismatch is Mismatch.CONDITION_KEY_MISSING and considered.condition
    }


def _data(decision: Decision) -> dict[str, object]:
    statement = decision.statement
    return {
        "Decision": decision.outcome.value,
        "Action": decision.request.action,
        "Resource": decision.request.resource,
        "Layer": str(decision.layer),
        "Policy": statement.label if statement else None,
        "Statement": statement.name if statement else None,
        "Message": decision.message(),
        "MissingContextKeys": sorted(_missing_keys(decision)),
    }
