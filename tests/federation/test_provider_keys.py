"""Providers' keys: how often they are fetched, how long they are kept, which are taken."""

import asyncio
from typing import Any

import pytest

from daypass.federation.oidc import (
    InvalidTokenError,
    OidcProvider,
    ProviderKeys,
    UnreachableProviderError,
)
from tests.openid import ARN, ISSUER, Provider, jwk, new_key

NOW = 1_800_000_000.0
REGISTERED = OidcProvider("OIDC1", ISSUER, ARN, ("client",), (), int(NOW), {})
_FETCHES = 2  # the configuration and the key set


@pytest.fixture
def provider() -> Provider:
    made = Provider()
    made.add_key()
    return made


async def found(keys: ProviderKeys, key_id: str, now: float, algorithm: str = "RS256") -> bool:
    try:
        await keys.find(REGISTERED, key_id, algorithm, now)
    except InvalidTokenError:
        return False
    return True


async def test_keys_are_fetched_once_for_five_minutes(provider):
    keys = ProviderKeys(provider)
    for age in (0, 1, 299):
        assert await found(keys, "first", NOW + age)
    assert len(provider.fetched) == _FETCHES
    assert await found(keys, "first", NOW + 300)
    assert len(provider.fetched) == 2 * _FETCHES


async def test_a_key_that_was_taken_back_verifies_nothing_after_five_minutes(provider):
    keys = ProviderKeys(provider)
    assert await found(keys, "first", NOW)
    del provider.keys["first"]
    provider.add_key("second")
    assert not await found(keys, "first", NOW + 300)
    assert await found(keys, "second", NOW + 300)


async def test_a_new_key_is_found_before_the_old_ones_are_old(provider):
    keys = ProviderKeys(provider)
    assert await found(keys, "first", NOW)
    provider.add_key("second")
    assert not await found(keys, "second", NOW + 9)
    assert len(provider.fetched) == _FETCHES
    assert await found(keys, "second", NOW + 10)
    assert await found(keys, "first", NOW + 10)


async def test_made_up_key_ids_cause_one_fetch_a_pause_and_each_one_only_once(provider):
    keys = ProviderKeys(provider)
    for number in range(500):
        assert not await found(keys, f"made-up-{number}", NOW)
    assert len(provider.fetched) == _FETCHES
    for number in range(500):
        assert not await found(keys, f"made-up-{number}", NOW + 10)
    assert len(provider.fetched) == 2 * _FETCHES
    # The one that was fetched for is remembered as not there.
    assert not await found(keys, "made-up-0", NOW + 25)
    assert len(provider.fetched) == 2 * _FETCHES


async def test_requests_at_one_moment_share_one_fetch(provider):
    keys = ProviderKeys(provider)
    answers = await asyncio.gather(
        *(found(keys, "first" if number % 2 else f"x{number}", NOW) for number in range(100))
    )
    assert answers.count(True) == 50
    assert len(provider.fetched) == _FETCHES


async def test_a_caller_that_goes_away_does_not_take_the_fetch_with_it(provider):
    started, proceed = asyncio.Event(), asyncio.Event()

    async def slow(url: str, thumbprints: Any) -> dict[str, Any]:
        started.set()
        await proceed.wait()
        return await provider(url, thumbprints)

    keys = ProviderKeys(slow)
    first = asyncio.create_task(found(keys, "first", NOW))
    await started.wait()
    second = asyncio.create_task(found(keys, "first", NOW))
    await asyncio.sleep(0)
    first.cancel()
    proceed.set()
    assert await second
    assert len(provider.fetched) == _FETCHES


async def test_a_provider_that_is_down_is_left_alone_for_a_while(provider):
    provider.down = True
    keys = ProviderKeys(provider)
    for age in (0, 5, 9):
        with pytest.raises(UnreachableProviderError):
            await keys.find(REGISTERED, "first", "RS256", NOW + age)
    assert len(provider.fetched) == 1
    provider.down = False
    assert await found(keys, "first", NOW + 10)


async def test_keys_that_cannot_be_fetched_again_are_not_used_any_longer(provider):
    keys = ProviderKeys(provider)
    assert await found(keys, "first", NOW)
    provider.down = True
    assert await found(keys, "first", NOW + 299)
    with pytest.raises(UnreachableProviderError):
        await keys.find(REGISTERED, "first", "RS256", NOW + 300)


async def test_a_clock_that_was_set_back_does_not_make_old_keys_new(provider):
    keys = ProviderKeys(provider)
    assert await found(keys, "first", NOW)
    del provider.keys["first"]
    assert not await found(keys, "first", NOW - 3600)


async def test_other_thumbprints_void_what_was_fetched_under_the_old_ones(provider):
    keys = ProviderKeys(provider)
    assert await found(keys, "first", NOW)
    other = OidcProvider("OIDC1", ISSUER, ARN, ("client",), ("a" * 40,), int(NOW), {})
    await keys.find(other, "first", "RS256", NOW)
    assert len(provider.fetched) == 2 * _FETCHES


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://accounts.example.com"},
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": ["https://keys.example.com"]},
        {"jwks_uri": "http://accounts.example.com/tenant/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_a_configuration_of_another_issuer_or_scheme_is_refused(provider, configuration):
    provider.configuration = configuration
    assert not await found(ProviderKeys(provider), "first", NOW)
    assert provider.fetched == [f"{ISSUER}/.well-known/openid-configuration"]


@pytest.mark.parametrize("algorithms", [["HS256"], ["none"], ["ES256"], []])
async def test_algorithms_are_those_the_provider_announces(provider, algorithms):
    provider.configuration = {"id_token_signing_alg_values_supported": algorithms}
    assert not await found(ProviderKeys(provider), "first", NOW)


async def test_the_type_of_a_key_says_what_it_verifies():
    provider = Provider()
    for algorithm in ("RS256", "ES256", "ES384", "ES512"):
        provider.add_key(algorithm, algorithm)
    keys = ProviderKeys(provider)
    for key_id in ("RS256", "ES256", "ES384", "ES512"):
        taken = [
            algorithm
            for algorithm in ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
            if await found(keys, key_id, NOW, algorithm)
        ]
        assert taken == (["RS256", "RS384", "RS512"] if key_id == "RS256" else [key_id])


@pytest.mark.parametrize(
    "changed",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"alg": "RS512"},
        {"alg": "HS256"},
        {"alg": ["RS256"]},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC"},
        {"kty": "OKP"},
        {"kid": 7},
        {"n": ""},
        {"n": "!!"},
        {"n": 7},
        {"e": "AA"},
        {"n": "AQAB"},
    ],
)
async def test_an_entry_that_is_no_key_for_this_verifies_nothing(changed):
    provider = Provider()
    provider.published = [{**jwk(new_key("RS256"), "odd"), **changed}, "text", None, []]
    provider.add_key()
    keys = ProviderKeys(provider)
    assert not await found(keys, "odd", NOW)
    assert await found(keys, "first", NOW)


async def test_small_rsa_keys_are_not_taken():
    from cryptography.hazmat.primitives.asymmetric import rsa

    provider = Provider()
    provider.published = [jwk(rsa.generate_private_key(65537, 1024), "small")]
    assert not await found(ProviderKeys(provider), "small", NOW)


async def test_a_newer_key_is_looked_for_once_a_pause(provider):
    """For tokens that name no key, whose signature the known one did not verify."""
    keys = ProviderKeys(provider)
    before = await keys.find(REGISTERED, "", "RS256", NOW)
    provider.keys.clear()
    provider.add_key("second")
    assert await keys.find(REGISTERED, "", "RS256", NOW + 9, newer=True) is before
    after = await keys.find(REGISTERED, "", "RS256", NOW + 10, newer=True)
    assert after is not before
    assert await keys.find(REGISTERED, "", "RS256", NOW + 11, newer=True) is after
    assert len(provider.fetched) == 2 * _FETCHES


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": []}])
async def test_a_document_without_keys_verifies_nothing(document):
    async def fetch(url: str, thumbprints: Any) -> dict[str, Any]:
        if url.endswith("configuration"):
            return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"}
        return document

    assert not await found(ProviderKeys(fetch), "first", NOW)
