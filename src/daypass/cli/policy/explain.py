"""`daypass policy explain`: why a request is decided as it is, and what would change that."""

import sys
from dataclasses import replace

import click

from daypass.cli.failure import FAILED, OK, USAGE, Failure
from daypass.cli.options import TextOrFile, output_option
from daypass.cli.policy.question import Question, decisions, question_options
from daypass.cli.present import print_json
from daypass.policy import AccessDenied, Decision, principal_of, read_access_denied


@click.command()
@click.argument("message", required=False, type=TextOrFile())
@question_options
@output_option
def explain(question: Question, message: str | None, output: str) -> int:
    """Explain a decision: every policy and statement, what about it does not match, and what
    would have to be added for the request to be allowed.

    MESSAGE is the AccessDenied with which a request was refused (@FILE, or - for standard
    input); who asked for what is then read from it. Policies are given as to simulate. Ends
    with 1 if the request is denied.

    \b
    Examples:
      daypass policy explain --principal arn:aws:iam::111122223333:user/alice \\
        --identity developers.json --action s3:GetObject --resource arn:aws:s3:::reports/a
      aws s3api get-object --bucket reports --key a a 2>&1 | daypass policy explain --from-server -
    """
    denied = _read(message) if message is not None else None
    if denied is not None:
        question = _completed(question, denied)
    decided = decisions(question)
    allowed = all(decision.allowed for decision in decided)
    notes = [_beyond(denied) for each in decided if denied and _differs(denied, each)]
    if output == "json":
        explanations = [decision.explain().data() for decision in decided]
        print_json({"Allowed": allowed, "Explanations": explanations, "Notes": notes})
    else:
        click.echo("\n\n".join(decision.explain().full() for decision in decided))
        for note in notes:
            click.echo(f"\n{note}")
    return OK if allowed and denied is None else FAILED


def _read(message: str) -> AccessDenied:
    text = sys.stdin.read() if message == "-" else message
    try:
        return read_access_denied(" ".join(text.split()))
    except ValueError as error:
        raise Failure(
            "The message does not say who was refused what.",
            'It has no sentence like "User: … is not authorized to perform: …". Some services say '
            "no more than Access Denied.",
            "Say it: --principal ARN --action NAME --resource ARN.",
            exit_code=USAGE,
        ) from error


def _completed(question: Question, denied: AccessDenied) -> Question:
    """The question with what the refusal says; what options say goes first."""
    try:
        principal = question.principal or principal_of(denied.principal)
    except ValueError as error:
        raise Failure(
            "Who was refused cannot be told.", f"{error}.", "Say it: --principal ARN.", "", USAGE
        ) from error
    return replace(
        question,
        principal=principal,
        actions=question.actions or (denied.action,),
        resources=question.resources or (denied.resource,),
        silent=None if denied.explicit else denied.layer,
    )


def _differs(denied: AccessDenied, decision: Decision) -> bool:
    """Whether the refusal names a kind of policy that does not decide here."""
    return denied.layer is not None and (decision.allowed or decision.layer is not denied.layer)


def _beyond(denied: AccessDenied) -> str:
    """What the refusal tells that the policies at hand do not."""
    told = "an explicit deny in the" if denied.explicit else "a missing Allow in the"
    return (
        f"The refusal names {told} {denied.layer}, which the policies at hand do not show. Give "
        "that policy too, and with --context the condition keys of the request."
    )
