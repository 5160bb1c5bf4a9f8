"""The CPU of a command that finds its session in a cache, beside the AWS CLI's and awscurl's.

Each is a process of its own, from its start to its end; rounds alternate, and the least is
printed, for what is measured is the program and not its neighbours. awscurl runs from the peers'
virtual environment (`make bench-startup`), and is skipped where that is not.

    python -m benchmarks.startup
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.client import answers
from tests.client.wire import Recorder, recording

_ROUNDS = 9
_HERE = Path(sys.executable).parent
_PEERS = Path(__file__).parents[1] / ".venv-peers" / "bin"
_ASSUMING = ("daypass assume", "aws sts get-caller-identity")
_ROLE = "arn:aws:iam::111122223333:role/reader"


def _environment(place: Path, url: str) -> dict[str, str]:
    (place / "credentials").write_text(
        "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n"
    )
    (place / "config").write_text(
        f"[profile work]\nrole_arn = {_ROLE}\nsource_profile = base\nregion = eu-west-1\n"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return clean | {
        "HOME": str(place),  # where the AWS CLI has its cache
        "AWS_CONFIG_FILE": str(place / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(place / "credentials"),
        "AWS_ENDPOINT_URL_STS": url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "DAYPASS_CACHE_DIR": str(place / "daypass"),
        "DAYPASS_KEYRING": "off",
    }


def _cpu(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Milliseconds of CPU, of the user and of the system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def _contestants(url: str) -> dict[str, list[str]]:
    daypass = [str(_HERE / "python"), "-m", "daypass"]
    found = {
        "python -c pass": [str(_HERE / "python"), "-c", "pass"],
        "daypass assume": [*daypass, "assume", "work"],
        "daypass credential-process": [*daypass, "credential-process", "--profile", "work"],
        # The least it does with a role of its cache is one request.
        "aws sts get-caller-identity": [
            *(str(_HERE / "aws"), "--profile", "work", "sts", "get-caller-identity"),
        ],
    }
    if (_PEERS / "awscurl").exists():
        # It knows no roles, so it signs one request with keys.
        found["awscurl (keys, one GET)"] = [
            *(str(_PEERS / "awscurl"), "--service", "lambda", "--region", "eu-west-1"),
            *("--access_key", "AKIABASE", "--secret_key", "s", url),
        ]
    return found


def _answer(recorder: Recorder, times: int) -> None:
    """What STS is asked: for a role at the first time, and who one is."""
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    caller = answers.caller("arn:aws:sts::111122223333:assumed-role/reader/daypass")
    recorder.replies = [*(answers.assumed(expiration=until) for _ in range(times)), caller]


def main() -> None:
    with recording() as recorder, tempfile.TemporaryDirectory() as place:
        environment = _environment(Path(place), recorder.url)
        least = dict.fromkeys(_contestants(recorder.url), float("inf"))
        for number in range(_ROUNDS + 1):
            for name, command in _contestants(recorder.url).items():
                _answer(recorder, int(number == 0 and name in _ASSUMING))
                spent = _cpu(command, environment)
                if number:  # the first fills the caches
                    least[name] = min(least[name], spent)
    ours = least["daypass credential-process"]
    table = Table("command", "CPU ms", "times ours")
    for name, spent in least.items():
        table.add_row(name, f"{spent:.0f}", f"{spent / ours:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
