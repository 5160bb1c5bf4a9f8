"""Sessions kept between runs."""

import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from daypass.client import CredentialsUnavailableError, RoleRequest, read_settings
from daypass.client.cache.entries import Entry, Label
from daypass.client.cache.kept import Kept
from daypass.client.cache.memory import MemoryStore
from daypass.client.cache.places import cache_places
from daypass.client.cache.store import Store
from daypass.client.mfa import MfaCodes
from daypass.client.providers.chain import find_source
from daypass.client.providers.role_source import MfaDevice, assumed_with
from daypass.sigv4 import Credentials
from tests.client import answers

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"
LABEL = Label("role", "arn:aws:iam::111122223333:role/reader", "work", "https://sts")


def entry(key="ASIA1", left=3600.0, now=None):
    now = time.time() if now is None else now
    return Entry(Credentials(key, SECRET, "session-token", now + left), now, LABEL, "arn", "id")


def files(store, suffix=".session"):
    return sorted(store.places.sessions.glob(f"*{suffix}"))


@pytest.fixture
def store(places):
    return Store()


# -- at rest --------------------------------------------------------------------------------------


def test_a_session_comes_back_in_another_process(store):
    kept = entry()
    store.write("whose", kept)
    assert Store().read("whose") == kept
    assert Store().read("another's") is None


def test_nothing_of_a_session_can_be_read_in_the_files(store):
    store.write("arn:aws:iam::111122223333:role/reader", entry())
    (path,) = files(store)
    content = path.read_bytes()
    for part in (SECRET, "ASIA1", "session-token", "reader", "111122223333", "work"):
        assert part.encode() not in content
        assert part not in path.name


def test_files_and_directories_are_the_users_alone(store):
    store.write("whose", entry())
    with store.lock("whose", wait=True):
        pass
    (session,), (lock,) = files(store), files(store, ".lock")
    for path in (session, lock, store.places.key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (store.places.sessions, store.places.key.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_session_without_an_end_is_not_written_down(store):
    store.write("whose", Entry(Credentials("AKIA1", SECRET), time.time(), LABEL))
    assert not files(store)


@pytest.mark.parametrize("damage", [lambda c: c[:-1] + b"x", lambda c: b"", lambda c: c[:20]])
def test_a_damaged_file_is_dropped_with_a_sentence(store, caplog, damage):
    store.write("whose", entry())
    (path,) = files(store)
    path.write_bytes(damage(path.read_bytes()))
    assert store.read("whose") is None
    assert not path.exists()
    assert "cannot be read, and is dropped" in caplog.text


def test_one_session_cannot_be_put_in_the_place_of_another(store):
    store.write("mine", entry("ASIAMINE"))
    (mine,) = files(store)
    store.write("admin", entry("ASIAADMIN"))
    (admin,) = [path for path in files(store) if path != mine]
    mine.write_bytes(admin.read_bytes())
    assert store.read("mine") is None


def test_another_key_opens_nothing(store):
    store.write("whose", entry())
    store.places.key.unlink()
    assert Store().read("whose") is None
    assert Store().entries() == []


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
@pytest.mark.parametrize("what", ["key", "sessions"])
def test_what_others_can_read_or_replace_is_not_used(store, caplog, what):
    store.write("whose", entry())
    getattr(store.places, what).chmod(0o666 if what == "key" else 0o777)
    fresh = Store()
    assert fresh.read("whose") is None
    fresh.write("whose", entry())
    assert "open to other users" in caplog.text
    assert caplog.text.count("is not used") == 1


def test_a_disk_that_takes_nothing_is_no_obstacle(places, caplog, monkeypatch):
    (places / "file").write_text("")
    monkeypatch.setenv("DAYPASS_CACHE_DIR", str(places / "file"))
    source = Source()
    kept = Kept(source, lambda: "whose", lambda: LABEL, Store())
    assert kept.credentials().access_key_id == "ASIA1"
    assert "The session cache is not used." in caplog.text


def test_it_may_be_cleared_away_under_a_running_program(store):
    source = Source()
    kept = Kept(source, lambda: "whose", lambda: LABEL, store)
    kept.credentials()
    shutil.rmtree(store.places.sessions)
    assert kept.credentials().access_key_id == "ASIA2"
    assert kept.credentials().access_key_id == "ASIA2", "and is made anew"


def test_a_lock_that_cannot_be_had_is_no_obstacle(store, caplog, monkeypatch):
    def refused(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("daypass.client.cache.store.locked", refused)
    kept = Kept(Source(), lambda: "whose", lambda: LABEL, store)
    store.read("whose")
    assert kept.credentials().access_key_id == "ASIA1"
    assert "The session cache is not used." in caplog.text


def test_it_is_bounded(store, monkeypatch):
    monkeypatch.setattr("daypass.client.cache.store._MOST_ENTRIES", 3)
    for number in range(5):
        store.write(f"whose {number}", entry())
        os.utime(files(store)[0])
    assert len(files(store)) <= 4
    long_ago = time.time() - 40 * 3600
    for path in files(store):
        os.utime(path, (long_ago, long_ago))
    store.write("whose", entry("ASIANEW"))
    assert [one.credentials.access_key_id for one in store.entries()] == ["ASIANEW"]


def test_it_lists_and_clears(store):
    store.write("1", entry("ASIALONG", 7200))
    store.write("2", entry("ASIASHORT", 1800))
    store.write("3", entry("ASIAOVER", -1))
    assert [one.credentials.access_key_id for one in store.entries()] == ["ASIASHORT", "ASIALONG"]
    assert store.clear() == 3
    assert store.entries() == []
    assert store.clear() == 0


@pytest.mark.parametrize(
    ("platform", "sessions", "key"),
    [
        ("linux", ".cache/daypass/sessions", ".local/state/daypass/cache.key"),
        (
            *("darwin", "Library/Caches/daypass/sessions"),
            "Library/Application Support/daypass/cache.key",
        ),
        *[("win32", "AppData/Local/daypass/Cache/sessions", "AppData/Local/daypass/cache.key")],
    ],
)
def test_it_is_where_the_system_keeps_such_things(monkeypatch, platform, sessions, key):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert cache_places({}) == (Path("/home/me") / sessions, Path("/home/me") / key)


# -- the key in the keyring -----------------------------------------------------------------------


class Ring(KeyringBackend):
    """A keyring of the test's own."""

    priority = 5

    def __init__(self):
        super().__init__()
        self.passwords = {}
        self.locked = False

    def get_password(self, service, username):
        if self.locked:
            raise keyring.errors.KeyringLocked
        return self.passwords.get((service, username))

    def set_password(self, service, username, password):
        self.passwords[service, username] = password


@pytest.fixture
def ring():
    before = keyring.get_keyring()
    ring = Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def test_the_key_is_in_the_keyring_where_there_is_one(places, ring):
    store = Store()
    store.write("whose", entry())
    (key,) = ring.passwords.values()
    assert key not in store.places.key.read_text()
    assert Store().read("whose") is not None
    ring.passwords.clear()
    assert Store().read("whose") is None


def test_a_locked_keyring_leads_to_no_second_key(places, ring, caplog):
    Store().write("whose", entry())
    ring.locked = True
    locked = Store()
    assert locked.read("whose") is None
    locked.write("whose", entry("ASIA2"))
    assert "The keyring cannot be read" in caplog.text
    ring.locked = False
    assert Store().read("whose").credentials.access_key_id == "ASIA1"


def test_the_keyring_can_be_declined(places, ring, monkeypatch):
    monkeypatch.setenv("DAYPASS_KEYRING", "off")
    Store().write("whose", entry())
    assert not ring.passwords
    assert Store().read("whose") is not None


# -- renewal --------------------------------------------------------------------------------------


class Clock:
    now = 1_900_000_000.0

    def __call__(self):
        return self.now


class Source:
    def __init__(self, clock=time.time, lifetime=3600.0):
        self.clock = clock
        self.lifetime = lifetime
        self.count = 0
        self.broken = False

    def credentials(self):
        if self.broken:
            raise CredentialsUnavailableError("The network is down.")
        self.count += 1
        return Credentials(f"ASIA{self.count}", "s", "t", self.clock() + self.lifetime)


@pytest.fixture(params=["memory", "disk"])
def sessions(request, places):
    return MemoryStore() if request.param == "memory" else Store()


def kept_of(source, sessions, clock, **options):
    return Kept(source, lambda: "whose", lambda: LABEL, sessions, clock=clock, **options)


def test_a_session_is_used_until_less_than_the_wanted_life_is_left(sessions):
    clock = Clock()
    source = Source(clock)
    kept = kept_of(source, sessions, clock, least=960.0)
    for _ in range(3):
        kept.credentials()
    clock.now += 3600 - 961
    assert kept.credentials().access_key_id == "ASIA1"
    clock.now += 2
    assert kept.credentials().access_key_id == "ASIA2"


def test_the_shortest_session_is_used_again(sessions):
    # The AWS CLI's own cache never does: it wants 15 minutes, and such a session has no more.
    clock = Clock()
    source = Source(clock, 900.0)
    kept = kept_of(source, sessions, clock, least=960.0)
    for _ in range(6):
        kept.credentials()
        clock.now += 80
    assert source.count == 1


def test_what_is_still_good_is_kept_when_renewal_fails(sessions):
    clock = Clock()
    source = Source(clock)
    kept = kept_of(source, sessions, clock)
    kept.credentials()
    source.broken = True
    clock.now += 3595
    assert kept.credentials().access_key_id == "ASIA1"
    clock.now += 6
    with pytest.raises(CredentialsUnavailableError):
        kept.credentials()


def test_a_person_is_not_asked_ahead_of_time(sessions):
    clock = Clock()
    source = Source(clock)
    kept = kept_of(source, sessions, clock, least=960.0, prompts=True)
    kept.credentials()
    clock.now += 3600 - 61
    assert kept.credentials().access_key_id == "ASIA1"
    clock.now += 2
    assert kept.credentials().access_key_id == "ASIA2"


def test_what_a_service_refused_is_not_given_again(sessions):
    kept = kept_of(Source(), sessions, time.time)
    first = kept.credentials()
    kept.discard(Credentials("ASIA0", "s"))
    assert kept.credentials() == first
    kept.discard(first)
    assert kept.credentials() != first


def test_one_thread_renews_for_all(sessions):
    class Slow(Source):
        def credentials(self):
            everybody.wait(5)
            return super().credentials()

    everybody = threading.Event()
    source = Slow()
    kept = kept_of(source, sessions, time.time)
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(kept.credentials().access_key_id))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    everybody.set()
    for thread in threads:
        thread.join()
    assert (got, source.count) == (["ASIA1"] * 5, 1)


def test_while_one_renews_ahead_of_time_the_others_go_on(sessions):
    clock = Clock()
    renewing, go = threading.Event(), threading.Event()

    class Slow(Source):
        def credentials(self):
            if self.count:
                renewing.set()
                go.wait(5)
            return super().credentials()

    kept = kept_of(Slow(clock), sessions, clock)
    kept.credentials()
    clock.now += 3400
    renewer = threading.Thread(target=kept.credentials)
    renewer.start()
    assert renewing.wait(5)
    assert kept.credentials().access_key_id == "ASIA1"
    go.set()
    renewer.join()
    assert kept.credentials().access_key_id == "ASIA2"


# -- what sessions are told apart by --------------------------------------------------------------

KEYS = "[{0}]\naws_access_key_id = AKIA{1}\naws_secret_access_key = s\n"
ROLE = "arn:aws:iam::111122223333:role/reader"


def sessions_asked_for(recorder, *settings_and_requests, device=None):
    """How many of these role sessions are not found in the cache of those before."""
    before = len(recorder.received)
    for settings, request in settings_and_requests:
        recorder.replies = [answers.assumed()]
        source = find_source(settings)
        assumed_with(settings, source, request, device).provider.credentials()
    return len(recorder.received) - before


@pytest.fixture
def settings(places, recorder):
    (places / "credentials").write_text(KEYS.format("default", 1) + KEYS.format("other", 2))

    def made(profile=None, region="eu-west-1", url=recorder.url):
        return replace(read_settings(profile, region, url), sessions=Store())

    return made


def test_the_same_question_is_asked_once(recorder, settings):
    request = RoleRequest(ROLE, tags=(("a", "b"),))
    assert sessions_asked_for(recorder, *[(settings(), request)] * 3) == 1


def test_every_argument_counts(recorder, settings):
    different = [
        RoleRequest(ROLE),
        RoleRequest(f"{ROLE}2"),
        RoleRequest(ROLE, "me"),
        RoleRequest(ROLE, duration_seconds=900),
        RoleRequest(ROLE, external_id="x"),
        RoleRequest(ROLE, policy='{"Statement": []}'),
        RoleRequest(ROLE, policy_arns=("arn:p",)),
        RoleRequest(ROLE, tags=(("a", "b"),)),
        RoleRequest(ROLE, tags=(("a", "c"),)),
        RoleRequest(ROLE, tags=(("a", "b"),), transitive_tags=("a",)),
        RoleRequest(ROLE, source_identity="alice"),
    ]
    asked = [(settings(), request) for request in different]
    assert sessions_asked_for(recorder, *asked, *asked) == len(different)


def test_whose_credentials_assume_the_role_counts(recorder, settings):
    # In the AWS CLI's cache it does not: two profiles with one role ARN share a session.
    request = RoleRequest(ROLE)
    assert sessions_asked_for(recorder, (settings(), request), (settings("other"), request)) == 2


def test_the_endpoint_counts(recorder, settings):
    # In the AWS CLI's cache it does not: a local server and AWS poison each other's.
    request = RoleRequest(ROLE)
    elsewhere = recorder.url.replace("127.0.0.1", "localhost")
    asked = [(settings(), request), (settings(url=elsewhere), request)]
    assert sessions_asked_for(recorder, *asked) == 2


def test_an_mfa_device_counts(recorder, settings, monkeypatch):
    request = RoleRequest(ROLE)
    sessions_asked_for(recorder, (settings(), request))
    with_code = replace(settings(), mfa=MfaCodes("123456"))
    device = MfaDevice("arn:mfa", once=False)
    assert sessions_asked_for(recorder, (with_code, request), device=device) == 1


def test_the_cache_of_the_aws_cli_is_left_alone(recorder, settings, places, monkeypatch):
    monkeypatch.setenv("HOME", str(places))
    sessions_asked_for(recorder, (settings(), RoleRequest(ROLE)))
    assert not (places / ".aws").exists()


def test_many_processes_cause_one_request(recorder, settings, places):
    recorder.replies = [answers.assumed()] * 6
    program = (
        "import sys\n"
        "from dataclasses import replace\n"
        "from daypass.client import RoleRequest, find_source, read_settings\n"
        "from daypass.client.cache.store import Store\n"
        "from daypass.client.providers.role_source import assumed_with\n"
        f"settings = read_settings(None, 'eu-west-1', {recorder.url!r})\n"
        "settings = replace(settings, sessions=Store())\n"
        "sys.stdin.readline()\n"
        f"role = assumed_with(settings, find_source(settings), RoleRequest({ROLE!r}))\n"
        "print(role.provider.credentials().access_key_id)\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate()[0] for process in started]
    assert printed == ["ASIAFROMSTS\n"] * 4
    assert len(recorder.received) == 1
