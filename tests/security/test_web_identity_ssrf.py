"""E 70: what an issuer writes leads the server nowhere but to the issuer."""

import asyncio
import gzip
import json
import socket
from typing import Any

import pytest

from daypass.federation.oidc import (
    FederationError,
    HttpFetcher,
    InvalidTokenError,
    UnreachableProviderError,
    fetching,
)
from tests.federation.loopback import json_answer, serving

DOCUMENT = b'{"issuer": "https://accounts.example.com"}'


async def refused(url: str, *, allow_private: bool = True) -> bool:
    try:
        await HttpFetcher(allow_private=allow_private)(url, ())
    except InvalidTokenError:
        return True
    return False


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "192.168.0.1"),
        *("2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"),
    ],
)
async def test_a_private_address_is_not_asked(host):
    assert await refused(f"https://{host}/keys", allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "example.com"),
        *("https:///keys", "https://", "https://user@example.com/", "https://a:b@example.com/"),
        *("https://example.com/#x", "https://example.com:0/", "https://example.com:99999/"),
        *("https://exa mple.com/", "https://example.com/\r\nx: y", "https://ex\u00e4mple.com/"),
        *("https://example.com\\@127.0.0.1/", ""),
    ],
)
async def test_a_url_that_is_no_plain_https_url_is_not_asked(url):
    assert await refused(url)


async def test_plain_http_is_not_asked_unless_private_addresses_are_allowed():
    assert await refused("http://accounts.example.com/", allow_private=False)


async def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_used(monkeypatch):
    """DNS rebinding: the second answer is another address."""
    with serving(lambda head: json_answer(DOCUMENT)) as (port, heads):
        answers = [("1.1.1.1", port), ("127.0.0.1", port)]
        asked: list[str] = []

        async def resolve(self: Any, host: str, *_: Any, **__: Any) -> list[Any]:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", answers[len(asked) - 1])]

        connected: list[str] = []

        async def get(address: str, *_: Any) -> bytes:
            connected.append(address)
            return DOCUMENT

        monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", resolve)
        monkeypatch.setattr(fetching, "_get", get)
        await HttpFetcher()("https://rebinding.example.com/", ())
        assert asked == ["rebinding.example.com"]
        assert connected == ["1.1.1.1"]
        assert heads == []


async def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    async def resolve(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
            for address in ("1.1.1.1", "169.254.169.254")
        ]

    monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", resolve)
    assert await refused("https://mixed.example.com/", allow_private=False)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_redirects_are_not_followed(status):
    with serving(lambda head: json_answer(DOCUMENT)) as (secret, reached):
        to = f"location: http://127.0.0.1:{secret}/latest/meta-data\r\n"
        with serving(lambda head: json_answer(b"{}", status, to)) as (port, _):
            assert await refused(f"http://127.0.0.1:{port}/")
        assert reached == []


async def test_a_body_that_is_too_large_is_not_read_to_its_end():
    large = json.dumps({"keys": ["x" * 1_200_000]}).encode()
    with serving(lambda head: json_answer(large)) as (port, _):
        assert await refused(f"http://127.0.0.1:{port}/")
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    chunked += b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    chunked += (b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 16
    with serving(lambda head: chunked) as (port, _):
        assert await refused(f"http://127.0.0.1:{port}/")


async def test_a_compressed_body_is_refused_and_so_cannot_be_a_bomb():
    bomb = gzip.compress(b"[" * 50_000_000)
    with serving(lambda head: json_answer(bomb, head="content-encoding: gzip\r\n")) as (port, _):
        assert await refused(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'"text"', b"7", b"{", b"[" * 100_000, b"\xff\xfe", b'{"a":1}x']
)
async def test_a_body_that_is_no_json_object_is_refused(body):
    with serving(lambda head: json_answer(body)) as (port, _):
        assert await refused(f"http://127.0.0.1:{port}/")


async def test_a_slow_body_ends_with_the_time_it_has(monkeypatch):
    monkeypatch.setattr(fetching, "_SECONDS", 0.2)
    with (
        serving(lambda head: None) as (port, _),
        pytest.raises(UnreachableProviderError),
    ):
        await HttpFetcher(allow_private=True)(f"http://127.0.0.1:{port}/", ())


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    with (
        serving(lambda head: json_answer(DOCUMENT)) as (proxy, asked),
        serving(lambda head: json_answer(DOCUMENT)) as (port, heads),
    ):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        await HttpFetcher(allow_private=True)(f"http://127.0.0.1:{port}/", ())
    assert asked == []
    assert len(heads) == 1


async def test_a_failure_says_nothing_of_what_was_found():
    with (
        serving(lambda head: json_answer(b"secret of the inside", "404 Not here")) as (port, _),
        pytest.raises(FederationError) as caught,
    ):
        await HttpFetcher(allow_private=True)(f"http://127.0.0.1:{port}/", ())
    assert "secret" not in str(caught.value)
    assert "404" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
