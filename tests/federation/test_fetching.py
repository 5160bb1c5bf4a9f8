"""What the client that asks identity providers takes, over a real socket."""

import hashlib

import pytest

from daypass.federation.oidc import HttpFetcher, InvalidTokenError, UnreachableProviderError
from daypass.federation.oidc.addresses import is_public
from tests.federation.loopback import Authority, json_answer, serving

DOCUMENT = b'{"issuer": "https://accounts.example.com"}'


async def fetched(url: str, *thumbprints: str, allow_private: bool = True) -> dict[str, object]:
    return await HttpFetcher(allow_private=allow_private)(url, thumbprints)


async def test_a_document_is_fetched_from_where_it_is_with_nothing_but_the_request():
    with serving(lambda head: json_answer(DOCUMENT)) as (port, heads):
        document = await fetched(f"http://127.0.0.1:{port}/.well-known/openid-configuration")
    assert document == {"issuer": "https://accounts.example.com"}
    head = heads[0].decode().lower()
    assert head.startswith("get /.well-known/openid-configuration http/1.1\r\n")
    assert f"host: 127.0.0.1:{port}\r\n" in head
    assert "cookie" not in head
    assert "authorization" not in head


async def test_the_host_is_named_while_its_checked_address_is_connected_to():
    with serving(lambda head: json_answer(DOCUMENT)) as (port, heads):
        await fetched(f"http://localhost:{port}/keys?tenant=1")
    assert heads[0].startswith(b"GET /keys?tenant=1 HTTP/1.1\r\n")
    assert f"host: localhost:{port}\r\n".encode() in heads[0].lower()


async def test_an_error_of_the_providers_is_worth_another_try():
    for status in ("500 Oops", "503 Busy", "429 Slow down"):
        with (
            serving(lambda head, status=status: json_answer(b"{}", status)) as (port, _),
            pytest.raises(UnreachableProviderError),
        ):
            await fetched(f"http://127.0.0.1:{port}/")
    with serving(lambda head: json_answer(DOCUMENT)) as (port, _):
        pass
    with pytest.raises(UnreachableProviderError):
        await fetched(f"http://127.0.0.1:{port}/")
    with pytest.raises(UnreachableProviderError):
        await fetched("https://name-that-is-not-there.invalid/")


# -- TLS and thumbprints -----------------------------------------------------------------------


async def test_a_certificate_of_no_trusted_authority_is_refused_without_a_thumbprint(tmp_path):
    authority = Authority()
    with (
        serving(lambda head: json_answer(DOCUMENT), authority.context(tmp_path, "localhost")) as (
            port,
            heads,
        ),
        pytest.raises(UnreachableProviderError),
    ):
        await fetched(f"https://localhost:{port}/")
    assert heads == []


async def test_the_thumbprint_of_the_presented_authority_vouches_for_the_provider(tmp_path):
    authority = Authority()
    context = authority.context(tmp_path, "localhost")
    with serving(lambda head: json_answer(DOCUMENT), context) as (port, heads):
        url = f"https://localhost:{port}/"
        assert await fetched(url, "0" * 40, authority.thumbprint().upper())
        with pytest.raises(InvalidTokenError, match="doesn't match configured thumbprint"):
            await fetched(url, "0" * 40)
    # Nothing is asked of a server before its certificate was found good.
    assert len(heads) == 1


async def test_the_thumbprint_of_the_servers_own_certificate_will_do(tmp_path):
    context = Authority().context(tmp_path, "localhost", chain=False)
    with serving(lambda head: json_answer(DOCUMENT), context) as (port, _):
        import ssl

        presented = ssl.get_server_certificate(("127.0.0.1", port))
        leaf = hashlib.sha1(ssl.PEM_cert_to_DER_cert(presented)).hexdigest()
        assert await fetched(f"https://localhost:{port}/", leaf)


async def test_a_thumbprint_does_not_make_another_host_the_provider(tmp_path):
    authority = Authority()
    context = authority.context(tmp_path, "other.example.com")
    with (
        serving(lambda head: json_answer(DOCUMENT), context) as (port, heads),
        pytest.raises(UnreachableProviderError),
    ):
        await fetched(f"https://localhost:{port}/", authority.thumbprint())
    assert heads == []


async def test_an_authority_of_the_same_name_is_not_the_one_that_was_meant(tmp_path):
    meant, impostor = Authority(), Authority()
    # It presents the certificate that is meant, beside a leaf that it signed itself.
    impostor.certificate = meant.certificate
    context = impostor.context(tmp_path, "localhost")
    with (
        serving(lambda head: json_answer(DOCUMENT), context) as (port, heads),
        pytest.raises(UnreachableProviderError),
    ):
        await fetched(f"https://localhost:{port}/", meant.thumbprint())
    assert heads == []


# -- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2001:db8::1"),
    ],
)
def test_addresses_within_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "52.94.1.1", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)
