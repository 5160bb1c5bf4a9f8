"""The server's clock, set forward and back."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.crt.auth
import pytest
from botocore.exceptions import ClientError

from daypass.server.clock import Clock
from tests.conftest import Server, start_server, stop_server

Credentials = dict[str, str]


def session_of(answer: Any) -> Credentials:
    found = answer["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


class Times:
    """One data directory, served at one time after another; clients' clocks go with it."""

    def __init__(self, data: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
        self._data, self._options, self._monkeypatch = data, options, monkeypatch
        self._root = ("", "")
        self.server: Server | None = None

    def at(self, offset: int) -> Server:
        self.stop()
        self._set_clients(offset)
        self.server = start_server(
            self._data,
            *("--clock-offset", str(offset)),
            *self._options,
            credentials=self._root,
        )
        self._root = (self.server.access_key_id, self.server.secret_access_key)
        return self.server

    def stop(self) -> None:
        if self.server is not None:
            stop_server(self.server)
            self.server = None

    def _set_clients(self, offset: int) -> None:
        def now(remove_tzinfo: bool = True) -> datetime.datetime:
            moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=offset)
            return moment.replace(tzinfo=None) if remove_tzinfo else moment

        for module in (botocore.auth, botocore.crt.auth):
            self._monkeypatch.setattr(module, "get_current_datetime", now)


@pytest.fixture
def times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    made: list[Times] = []

    def make(*options: str) -> Times:
        made.append(Times(tmp_path / "data", monkeypatch, *options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def state(server: Server, credentials: Credentials) -> str:
    try:
        server.client("sts", **credentials).get_caller_identity()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "alive"


def issue(server: Server, seconds: int) -> Credentials:
    return session_of(server.client("sts").get_session_token(DurationSeconds=seconds))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_forward_what_is_over_dies_and_back_it_stays_dead(
    times: Callable[..., Times], workers: str
) -> None:
    clock = times("--workers", workers)
    first = clock.at(0)
    short, long = issue(first, 900), issue(first, 3600)
    assert (state(first, short), state(first, long)) == ("alive", "alive")
    later = clock.at(1000)
    assert (state(later, short), state(later, long)) == ("ExpiredToken", "alive")
    fresh = issue(later, 900)
    assert state(later, fresh) == "alive"
    back = clock.at(0)
    # In every worker, and from the first request on.
    for _ in range(8):
        assert state(back, short) == "ExpiredToken"
        assert state(back, long) == "alive"
        assert state(back, fresh) == "alive"
    # What is issued now lives as long as any, though that time was seen before.
    again = issue(back, 900)
    for _ in range(8):
        assert state(back, again) == "alive"
    once_more = clock.at(-500)
    assert state(once_more, short) == "ExpiredToken"
    assert state(once_more, again) == "alive"
    assert state(clock.at(800), again) == "alive"
    assert state(clock.at(1000), again) == "ExpiredToken"


def test_a_clock_that_was_far_ahead_once_stops_nothing(times: Callable[..., Times]) -> None:
    clock = times()
    first = clock.at(0)
    before = issue(first, 3600)
    assert state(clock.at(10 * 365 * 86400), before) == "ExpiredToken"
    back = clock.at(0)
    assert state(back, before) == "ExpiredToken"
    after = issue(back, 900)
    assert state(back, after) == "alive"
    assert state(clock.at(60), after) == "alive"


# -- the clock itself --------------------------------------------------------------------------


class Watched:
    """A clock over a settable time, and what it called."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.remembered: list[tuple[float, float]] = []
        monkeypatch.setattr("daypass.server.clock.time.time", lambda: self.now)
        self.clock = Clock(path / "clock")
        self.clock.watch(
            lambda: self.clock.accept(lambda now, newest: self.remembered.append((now, newest)))
        )


def test_a_small_correction_is_nothing(tmp_path, monkeypatch):
    watched = Watched(tmp_path, monkeypatch)
    watched.clock()
    watched.now -= 10
    assert watched.clock() == 990
    assert watched.remembered == []


def test_a_clock_set_back_is_remembered_once_each_time(tmp_path, monkeypatch):
    watched = Watched(tmp_path, monkeypatch)
    for now in (2000.0, 1500.0, 1500.0, 1600.0, 1200.0):
        watched.now = now
        assert watched.clock() == now
    assert watched.remembered == [(1500.0, 2000.0), (1200.0, 1600.0)]


def test_the_newest_time_is_found_again_by_another_process(tmp_path, monkeypatch):
    watched = Watched(tmp_path, monkeypatch)
    watched.now = 5000.0
    watched.clock()
    watched.now = 3000.0
    other = Watched(tmp_path, monkeypatch)
    assert other.remembered == [(1000.0, 5000.0)]
    assert (tmp_path / "clock").stat().st_mode & 0o777 == 0o600
