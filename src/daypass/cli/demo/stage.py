"""A server of the story's own, and the ways in which the story talks to it."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import httpx

from daypass.cli.demo.screen import Screen
from daypass.cli.failure import Failure
from daypass.sigv4 import Credentials, HttpRequest, sign

_START_SECONDS: Final = 60
_RUN_SECONDS: Final = 120


class Show(Enum):
    """What of an exchange is shown."""

    ALL = 1
    COMMAND = 2
    NOTHING = 3


class UnexpectedError(Exception):
    """A step came to something that should not be, and cannot go on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ok: success. explanation: Daypass's, of a refusal."""

    ok: bool
    text: str
    explanation: str = ""
    status: int = 0

    def json(self) -> dict[str, "object"]:
        try:
            value = json.loads(self.text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise UnexpectedError(f"The answer is no JSON object: {self.text[:200]!r}")
        return value


@dataclass(slots=True)
class Stage:
    """A running server with an empty data directory, and clients for it."""

    screen: Screen
    examples: Path
    node_modules: Path | None
    work: Path
    server: subprocess.Popen[str]
    endpoint: str
    region: str
    account_id: str
    root: Credentials = field(repr=False)
    names: dict[str, str] = field(default_factory=dict)  # of who acts, by access key id

    def name_of(self, who: Credentials) -> str:
        return self.names.get(who.access_key_id, who.access_key_id)

    # -- clients -------------------------------------------------------------------------------

    def aws(self, *arguments: str, who: Credentials, show: Show = Show.ALL) -> Answer:
        """Run the AWS CLI with these credentials."""
        command = ["aws", *arguments]
        return self._run(command, who, command, show)

    def daypass(self, *arguments: str, who: Credentials) -> Answer:
        """Run this very program."""
        command = [sys.executable, "-m", "daypass", *arguments]
        return self._run(command, who, ["daypass", *arguments])

    def python(self, program: str, *arguments: str, who: Credentials) -> Answer:
        """Run one of the example programs."""
        path = str(self.examples / program)
        return self._run([sys.executable, path, *arguments], who, ["python", program, *arguments])

    def node(self, program: str, *arguments: str, who: Credentials) -> Answer:
        """Run one of the Node.js programs, beside its packages."""
        assert self.node_modules is not None
        beside = self.work / "node"
        if not beside.exists():
            beside.mkdir()
            (beside / "node_modules").symlink_to(self.node_modules / "node_modules")
        shutil.copy(self.examples / "node" / program, beside)
        command = ["node", str(beside / program), *arguments]
        return self._run(command, who, ["node", program, *arguments])

    def send(
        self,
        path: str,
        who: Credentials | None,
        service: str,
        *,
        region: str | None = None,
        seconds_ahead: float = 0.0,
        note: str = "",
    ) -> Answer:
        """GET a path, signed with `daypass.sigv4` unless `who` is None."""
        url = self.endpoint + path
        headers: list[tuple[str, str]] = []
        if who is not None:
            headers = sign(
                HttpRequest("GET", url),
                who,
                service=service,
                region=region or self.region,
                now=time.time() + seconds_ahead,
            )
        self.screen.sent(f"GET {url}", note)
        answer = httpx.get(url, headers=headers, timeout=_RUN_SECONDS)
        explanation = unquote(answer.headers.get("x-daypass-explanation", ""))
        result = Answer(answer.is_success, answer.text, explanation, answer.status_code)
        self.screen.answer(f"{answer.status_code} {answer.reason_phrase}\n{result.text}".strip())
        self.screen.why(explanation)
        return result

    def _run(
        self, command: list[str], who: Credentials, shown: list[str], show: Show = Show.ALL
    ) -> Answer:
        if show is not Show.NOTHING:
            documents = [argument for argument in shown if argument.startswith("{")]
            line = shlex.join("{…}" if argument in documents else argument for argument in shown)
            self.screen.sent(f"$ {line}", f"as {self.name_of(who)}", documents)
        ended = subprocess.run(  # noqa: S603 - the story's own commands
            command,
            env=self._environment(who),
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=_RUN_SECONDS,
            check=False,
        )
        ok = ended.returncode == 0
        text = (ended.stdout if ok else f"{ended.stdout}\n{ended.stderr}").strip()
        if show is Show.ALL:
            self.screen.answer(text or "(nothing)")
        return Answer(ok, text)

    def _environment(self, who: Credentials) -> dict[str, str]:
        """Nothing of the machine's own AWS configuration; only endpoint, region and keys."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        own: Mapping[str, str | None] = {
            "PATH": _path(),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": who.access_key_id,
            "AWS_SECRET_ACCESS_KEY": who.secret_access_key,
            "AWS_SESSION_TOKEN": who.session_token,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "PYTHONIOENCODING": "utf-8",
            "NODE_NO_WARNINGS": "1",
        }
        return kept | {name: value for name, value in own.items() if value is not None}

    # -- the server ----------------------------------------------------------------------------

    def restart(self, *options: str) -> None:
        """Stop the server and start it again on the same data directory."""
        _stop(self.server)
        self.server, ready = _start(self.work, *options)
        self.endpoint = ready["Endpoint"]


@contextmanager
def open_stage(examples: Path, modules: Path | None, screen: Screen) -> Iterator[Stage]:
    """A stage with a fresh server; both are gone afterwards."""
    _require_clients()
    with tempfile.TemporaryDirectory(prefix="daypass-demo-") as directory:
        work = Path(directory)
        with screen.busy("Starting a server"):
            server, ready = _start(work)
        root = Credentials(ready["AccessKeyId"], ready["SecretAccessKey"])
        stage = Stage(
            screen,
            examples,
            modules,
            work,
            server,
            ready["Endpoint"],
            ready["Region"],
            ready["AccountId"],
            root,
            {root.access_key_id: "the root user"},
        )
        try:
            yield stage
        finally:
            _stop(stage.server)


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _require_clients() -> None:
    missing = [] if shutil.which("aws", path=_path()) else ["the AWS CLI (aws)"]
    if find_spec("boto3") is None:
        missing.append("boto3")
    if missing:
        raise Failure(
            f"The demo needs {' and '.join(missing)}.",
            "It drives the server with the clients people really use.",
            "pip install 'daypass[demo]'",
        )


def _start(work: Path, *options: str) -> tuple["subprocess.Popen[str]", dict[str, str]]:
    log = work / "server.log"
    command = [sys.executable, "-m", "daypass", "serve", "--data", str(work / "data")]
    with log.open("ab") as errors:
        server = subprocess.Popen(  # noqa: S603 - this very program
            [*command, "--listen", "127.0.0.1:0", "--output", "json", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        )
    # A server that says nothing is ended, so that the read below ends.
    impatience = threading.Timer(_START_SECONDS, server.kill)
    impatience.start()
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
    finally:
        impatience.cancel()
    if not line:
        server.kill()
        server.wait()
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise Failure("The server did not start.", said[-1] if said else "It said nothing.")
    ready: dict[str, str] = json.loads(line)
    return server, ready


def _stop(server: "subprocess.Popen[str]") -> None:
    server.terminate()
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.stdout is not None:
        server.stdout.close()
