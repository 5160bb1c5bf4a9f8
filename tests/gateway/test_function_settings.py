"""What an operator decides about functions, and what cannot be decided."""

import pytest

from daypass.gateway.function_settings import FunctionSettings, read_url_host, usual_concurrency

ID = "abcdefghijklmnopqrstuvwxyz012345"


def test_a_host_name_leads_to_a_url() -> None:
    assert read_url_host(f"Fn.Example.com={ID}") == ("fn.example.com", ID)


@pytest.mark.parametrize(
    "given",
    [
        # Without a dot, or an address, it would be the server's own name.
        f"localhost={ID}",
        f"127.0.0.1={ID}",
        f"[::1]={ID}",
        f"fn.example.com:80={ID}",
        f"-fn.example.com={ID}",
        "fn.example.com=short",
        f"fn.example.com={ID}x",
        "fn.example.com",
        "=",
        "",
    ],
)
def test_what_is_no_host_name_or_no_url_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="is not HOST=ID"):
        read_url_host(given)


@pytest.mark.parametrize(
    # AWS refuses below 100, and in accounts with little, below 10 or 50.
    ("concurrency", "least"),
    [(1, 10), (10, 10), (100, 10), (500, 50), (1000, 100), (5000, 100)],
)
def test_some_concurrency_stays_unreserved(concurrency: int, least: int) -> None:
    assert FunctionSettings(concurrency).least_unreserved == least


def test_the_usual_concurrency_is_no_more_than_an_accounts_at_aws() -> None:
    assert 100 <= usual_concurrency() <= 1000
