"""Where credentials come from, and when they are renewed."""

import os
import threading

import pytest

from daypass.client import (
    AssumedRole,
    AssumeRole,
    Cached,
    CredentialsUnavailableError,
    Environment,
    FirstOf,
    NoCredentialsError,
    Profile,
    RoleRequest,
    Static,
    standard_chain,
)
from daypass.sigv4 import Credentials

ROLE = "arn:aws:iam::111122223333:role/reader"


@pytest.fixture(autouse=True)
def no_configuration_of_this_machine(monkeypatch, tmp_path):

    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


class Source:
    """Hands out numbered sessions of `lifetime` seconds."""

    def __init__(self, clock, lifetime=3600.0):
        self.clock = clock
        self.lifetime = lifetime
        self.count = 0
        self.broken = False

    def credentials(self):
        if self.broken:
            raise CredentialsUnavailableError("The network is down.")
        self.count += 1
        return Credentials(f"ASIA{self.count}", "s", "t", self.clock() + self.lifetime)


# -- environment ----------------------------------------------------------------------------------


def test_the_environment_gives_what_is_set():
    environ = {
        "AWS_ACCESS_KEY_ID": "ASIAX",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_CREDENTIAL_EXPIRATION": "2100-01-01T00:00:00Z",
    }
    found = Environment(environ).credentials()
    assert found == Credentials("ASIAX", "secret", "token", 4102444800.0)


def test_the_environment_is_read_at_each_call():
    environ = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    provider = Environment(environ)
    assert provider.credentials().access_key_id == "A"
    environ["AWS_ACCESS_KEY_ID"] = "B"
    assert provider.credentials().access_key_id == "B"


def test_expired_credentials_of_the_environment_do_not_fall_through_to_others():
    environ = {
        "AWS_ACCESS_KEY_ID": "A",
        "AWS_SECRET_ACCESS_KEY": "very-secret",
        "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00+00:00",
    }
    chain = FirstOf(Environment(environ), Static(Credentials("OTHER", "s")))
    with pytest.raises(CredentialsUnavailableError, match="expired") as caught:
        chain.credentials()
    assert "very-secret" not in str(caught.value)


def test_half_a_key_in_the_environment_does_not_fall_through_to_others():
    chain = FirstOf(Environment({"AWS_ACCESS_KEY_ID": "A"}), Static(Credentials("OTHER", "s")))
    with pytest.raises(CredentialsUnavailableError, match="incomplete"):
        chain.credentials()


def test_the_first_provider_that_has_credentials_wins():
    assert (
        FirstOf(Environment({}), Static(Credentials("B", "s"))).credentials().access_key_id == "B"
    )


# -- profiles -------------------------------------------------------------------------------------


def write_profiles(directory):
    (directory / "credentials").write_text(
        "[default]\naws_access_key_id=DEFAULT\naws_secret_access_key=s\n"
        "[work]\naws_access_key_id=WORK\naws_secret_access_key=s\n"
    )
    (directory / "config").write_text("[profile work]\nregion=eu-west-2\n")


def test_a_named_profile_beats_the_environment_and_the_environment_beats_the_default_one(
    monkeypatch, tmp_path
):
    write_profiles(tmp_path)
    assert standard_chain().credentials().access_key_id == "DEFAULT"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert standard_chain().credentials().access_key_id == "ENVIRONMENT"
    assert standard_chain("work").credentials().access_key_id == "WORK"


def test_a_profile_knows_its_region(tmp_path):
    write_profiles(tmp_path)
    assert Profile("work").region() == "eu-west-2"
    assert Profile().region() is None
    assert Profile("nobody").region() is None


def test_a_missing_profile_is_named():
    with pytest.raises(CredentialsUnavailableError, match="nobody"):
        Profile("nobody").credentials()


def test_nothing_anywhere_says_where_it_looked():
    with pytest.raises(NoCredentialsError, match="AWS_ACCESS_KEY_ID"):
        standard_chain().credentials()


# -- roles ----------------------------------------------------------------------------------------


def test_a_role_is_assumed_with_the_credentials_the_source_has_now():
    asked = []

    def ask(request, source, at, mfa):
        asked.append((request.parameters(), source.access_key_id))
        return AssumedRole(Credentials("ASIAR", "s", "t", 1.0), "arn", "id")

    request = RoleRequest(ROLE, "me", 900, "x-1", '{"Version":"2012-10-17"}', ("arn:p",))
    provider = AssumeRole(request, Static(Credentials("AKIA1", "s")), ask=ask)
    assert provider.credentials().access_key_id == "ASIAR"
    assert asked == [
        (
            {
                "RoleArn": ROLE,
                "RoleSessionName": "me",
                "DurationSeconds": 900,
                "ExternalId": "x-1",
                "Policy": '{"Version":"2012-10-17"}',
                "PolicyArns": [{"arn": "arn:p"}],
            },
            "AKIA1",
        )
    ]


def test_a_session_is_kept_until_five_minutes_before_its_end():
    clock = Clock()
    source = Source(clock)
    cached = Cached(source, clock)
    for _ in range(3):
        assert cached.credentials().access_key_id == "ASIA1"
    clock.now += 3299
    assert cached.credentials().access_key_id == "ASIA1"
    clock.now += 2
    assert cached.credentials().access_key_id == "ASIA2"


def test_the_shortest_session_is_not_renewed_at_each_use():
    clock = Clock()
    source = Source(clock, 900.0)
    cached = Cached(source, clock)
    for _ in range(5):
        cached.credentials()
        clock.now += 100
    assert source.count == 1


def test_what_is_still_good_is_kept_when_renewal_fails():
    clock = Clock()
    source = Source(clock)
    cached = Cached(source, clock)
    cached.credentials()
    source.broken = True
    clock.now += 3400
    assert cached.credentials().access_key_id == "ASIA1"
    clock.now += 190
    assert cached.credentials().access_key_id == "ASIA1"
    clock.now += 11
    with pytest.raises(CredentialsUnavailableError):
        cached.credentials()


def test_credentials_without_an_end_are_asked_for_once():
    class Endless:
        count = 0

        def credentials(self):
            self.count += 1
            return Credentials("A", "s")

    source = Endless()
    cached = Cached(source)
    cached.credentials()
    cached.credentials()
    assert source.count == 1


def test_many_callers_at_once_cause_one_request():
    clock = Clock()
    arrived = threading.Barrier(5)

    class Slow(Source):
        def credentials(self):
            go.wait(5)
            return super().credentials()

    go = threading.Event()
    source = Slow(clock)
    cached = Cached(source, clock)
    got = []

    def use():
        arrived.wait(5)
        got.append(cached.credentials().access_key_id)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    arrived.wait(5)
    go.set()
    for thread in threads:
        thread.join()
    assert got == ["ASIA1"] * 4
    assert source.count == 1


def test_while_one_renews_ahead_of_time_the_others_go_on():
    clock = Clock()
    renewing, go = threading.Event(), threading.Event()

    class Slow(Source):
        def credentials(self):
            if self.count:
                renewing.set()
                go.wait(5)
            return super().credentials()

    cached = Cached(Slow(clock), clock)
    cached.credentials()
    clock.now += 3400
    renewer = threading.Thread(target=cached.credentials)
    renewer.start()
    assert renewing.wait(5)
    assert cached.credentials().access_key_id == "ASIA1"
    go.set()
    renewer.join()
    assert cached.credentials().access_key_id == "ASIA2"


# -- credentials that a service finds to be over -------------------------------------------


def test_discarded_credentials_are_not_given_again():
    clock = Clock()
    source = Source(clock)
    cached = Cached(FirstOf(Environment({}), Cached(source, clock)), clock)
    first = cached.credentials()
    cached.discard(Credentials("ASIA0", "s", "t"))
    assert cached.credentials() == first
    cached.discard(first)
    assert cached.credentials() != first
    assert source.count == 2


def test_a_discarded_profile_is_read_anew(tmp_path):
    path = tmp_path / "credentials"
    profile = Profile("mine")
    for number in (1, 2):
        path.write_text(f"[mine]\naws_access_key_id = ASIA{number}\naws_secret_access_key = s\n")
        found = profile.credentials()
        assert found.access_key_id == f"ASIA{number}"
        profile.discard(found)
