"""Credentials for endpoints: kept, renewed by one for all, and never thrown away too early."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from daypass.client import ClientError, CredentialsUnavailableError, Static
from daypass.client.local.vending import SAFE, Vendor
from daypass.sigv4 import Credentials
from tests.client.local.sources import Clock, Sessions


@pytest.fixture
def clock():
    return Clock()


def left(clock, credentials):
    return credentials.expiration - clock()


@pytest.mark.parametrize("seconds", [3600.0, 43200.0])
def test_at_least_25_minutes_are_handed_out_of_long_sessions(clock, seconds):
    vendor = Vendor(Sessions(clock, seconds), SAFE, clock)
    for _ in range(200):
        assert left(clock, vendor.credentials()) >= 1500
        clock.now += 97


@pytest.mark.parametrize("least", [0.0, SAFE])
def test_sessions_of_a_quarter_of_an_hour_are_renewed_while_they_are_good(clock, least):
    source = Sessions(clock, 900.0)
    vendor = Vendor(source, least, clock)
    for _ in range(100):
        assert left(clock, vendor.credentials()) >= max(least, 449)
        clock.now += 11
    assert source.calls < 12, "not at each request"


def test_what_is_still_good_is_kept_when_a_renewal_fails(clock):
    source = Sessions(clock)
    vendor = Vendor(source, clock=clock)
    first = vendor.credentials()
    source.error = CredentialsUnavailableError("no network")
    clock.now += 3000
    assert vendor.credentials() == first
    asked = source.calls
    assert vendor.credentials() == first
    assert source.calls == asked, "a failed renewal is not repeated at once"
    clock.now += 600
    with pytest.raises(ClientError, match="no network"):
        vendor.credentials()
    source.error = None
    clock.now += 10
    assert vendor.credentials() != first


def test_better_credentials_are_not_replaced_by_worse(clock):
    source = Sessions(clock)
    vendor = Vendor(source, clock=clock)
    first = vendor.credentials()
    clock.now += 2500
    source.seconds = 100.0
    assert vendor.credentials() == first


def test_many_ask_and_one_renews(clock):
    source = Sessions(clock)
    gate = threading.Event()

    class Slow:
        def credentials(self):
            gate.wait(10)
            return source.credentials()

    vendor = Vendor(Slow(), clock=clock)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(vendor.credentials) for _ in range(8)]
        gate.set()
        assert len({one.result() for one in asked}) == 1
    assert source.calls == 1


def test_a_slow_renewal_is_not_waited_for_while_the_old_serve(clock):
    source = Sessions(clock)
    vendor = Vendor(source, clock=clock)
    first = vendor.credentials()
    gate = threading.Event()
    ask = source.credentials
    source.credentials = lambda: (gate.wait(30), ask())[1]
    clock.now += 3000
    assert vendor.credentials() == first
    gate.set()


@pytest.mark.parametrize(
    ("credentials", "why"),
    [
        (Credentials("AKIA", "secret"), "long-term"),
        (Credentials("ASIA", "secret", "token"), "until when"),
    ],
)
def test_only_what_sdks_can_renew_is_handed_out(clock, credentials, why):
    with pytest.raises(CredentialsUnavailableError, match=why):
        Vendor(Static(credentials), clock=clock).credentials()
