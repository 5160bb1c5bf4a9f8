"""AssumeRole and GetCallerIdentity beside moto's server and ministack, in one run.

Everything is on: signatures and policies in all three, the audit trail in Daypass. Prints for each
the requests a second, the server's CPU µs a request, and how many times ours that is; rounds of
the servers alternate, and the median is printed. ministack runs from a virtual environment of its
own, for it wants an older botocore: `make bench-sts` makes it.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

from botocore.credentials import Credentials
from rich.console import Console
from rich.table import Table

from benchmarks.load import Prepared, prepare
from benchmarks.server import (
    REGION,
    Figures,
    Subject,
    daypass,
    measure,
    moto,
    policy,
    stopped_at_the_end,
)

_ROUNDS = 3
PEERS = Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"
# moto lets so many requests pass before it begins to check: those of `_set_up`.
_SET_UP = 5
_SESSION_POLICY = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
_TAGS = {
    "Tags.member.1.Key": "Project",
    "Tags.member.1.Value": "Blue",
    "Tags.member.2.Key": "Team",
    "Tags.member.2.Value": "storage",
    "TransitiveTagKeys.member.1": "Project",
}


@contextlib.contextmanager
def ministack() -> Iterator[Subject]:
    """ministack with its authentication on. Its root is a key of twelve digits, unsigned."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen(
        [PEERS, "-m", "ministack"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "AUTH": "true", "GATEWAY_PORT": str(port), "LOG_LEVEL": "ERROR"},
    )
    with stopped_at_the_end(process):
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            time.sleep(0.01)
        seconds = time.perf_counter() - started
        root = Credentials("123456789012", "x")
        yield Subject("ministack", process, f"http://127.0.0.1:{port}", root, seconds)


def _set_up(subject: Subject) -> None:
    """A user with a policy, a role that trusts it, a session of it; and the requests."""
    iam = subject.client("iam")
    user = iam.create_user(UserName="bench")["User"]["Arn"]
    everything = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    iam.put_user_policy(UserName="bench", PolicyName="all", PolicyDocument=everything)
    key = iam.create_access_key(UserName="bench")["AccessKey"]
    subject.credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    actions = ["sts:AssumeRole", "sts:TagSession"]
    trust = policy({"Effect": "Allow", "Principal": {"AWS": user}, "Action": actions})
    role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    sts = subject.client("sts")
    answer = sts.assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]
    session = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
    own = subject.credentials
    assume = {"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "bench-session"}
    narrowed = {**assume, **_TAGS, "Policy": policy(_SESSION_POLICY)}
    subject.requests = {
        "GetCallerIdentity, user": _query(subject, own, {"Action": "GetCallerIdentity"}),
        "GetCallerIdentity, session": _query(subject, session, {"Action": "GetCallerIdentity"}),
        "AssumeRole": _query(subject, own, assume),
        "AssumeRole, policy and tags": _query(subject, own, narrowed),
    }


def _query(subject: Subject, credentials: Credentials, parameters: dict[str, str]) -> Prepared:
    body = urlencode({**parameters, "Version": "2011-06-15"}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return prepare(credentials, "sts", REGION, "POST", f"{subject.endpoint}/", body, form)


def main() -> int:
    console = Console()
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        subjects = [
            stack.enter_context(daypass(Path(directory))),
            stack.enter_context(moto(unchecked=_SET_UP)),
        ]
        if PEERS.exists():
            subjects.append(stack.enter_context(ministack()))
        else:
            console.print("Without ministack: `make bench-sts` installs it.")
        for subject in subjects:
            _set_up(subject)
        figures: dict[tuple[str, str], Figures] = {}
        with console.status("measuring") as status:
            for name in subjects[0].requests:
                for number in range(1, _ROUNDS + 1):
                    for subject in subjects:
                        status.update(f"{name}: {subject.name}, round {number} of {_ROUNDS}")
                        one = figures.setdefault((name, subject.name), Figures())
                        measure(subject, subject.requests[name], one)
        console.print(_table(subjects, figures))
    return 1 if any(figures[name, "daypass"].failures for name in subjects[0].requests) else 0


def _table(subjects: Sequence[Subject], figures: dict[tuple[str, str], Figures]) -> Table:
    table = Table(title="16 connections, signatures and policies enforced; medians")
    for column in ("operation", "server"):
        table.add_column(column)
    for column in ("requests/s", "CPU µs", "of ours", "failed"):
        table.add_column(column, justify="right")
    for name in subjects[0].requests:
        ours = statistics.median(figures[name, subjects[0].name].cpu_microseconds)
        for subject in subjects:
            found = figures[name, subject.name]
            cpu = statistics.median(found.cpu_microseconds)
            table.add_row(
                name if subject is subjects[0] else "",
                subject.name,
                f"{statistics.median(found.rates):,.0f}",
                f"{cpu:,.0f}",
                f"{cpu / ours:.1f} ×",
                f"{found.failures}",
                end_section=subject is subjects[-1],
            )
    return table


if __name__ == "__main__":
    sys.exit(main())
