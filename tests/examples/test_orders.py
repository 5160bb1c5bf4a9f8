"""The example of a guarded application, under a real server, and its client."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "asgi"


@pytest.fixture(scope="module")
def url():
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "orders:app", "--port", "0", "--app-dir", str(EXAMPLE)],
        env={**os.environ, "ORDERS_SECRET": "5a" * 32, "ORDERS_KEY": "let-me-in"},
        stderr=subprocess.PIPE,
        text=True,
    )
    address = None
    while address is None:
        line = process.stderr.readline()
        assert line, "The server ended before it was ready."
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
    yield address[0]
    process.terminate()
    process.communicate(timeout=10)


def place_order(*arguments):
    return subprocess.run(
        [sys.executable, str(EXAMPLE / "place_order.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_order_is_placed_by_who_signed_it(url):
    ended = place_order(url, "let-me-in", "alice")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == '{"by":"alice","order":{"item":"cheese"}}\n'


def test_who_has_no_key_gets_no_credentials(url):
    assert place_order(url, "wrong", "alice").returncode != 0


def test_nothing_under_orders_is_reached_without_a_signature(url):
    for path in ("/orders/7", "/orders/", "/orders//7"):
        answer = httpx.put(url + path, json={})
        assert answer.status_code == 403, answer
        assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
