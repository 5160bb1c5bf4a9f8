"""Environments that renew their credentials, asked as SDKs ask and as nobody should."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from daypass.workers import Credentials
from tests.functions import pack
from tests.workers.conftest import Runner

ASK = pack(
    {
        "app.py": """
import json, os, urllib.error, urllib.request
def variables(event, context):
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
def ask(event, context):
    token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    uri = event.get("uri", os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    headers = {} if event.get("token") == "" else {"Authorization": event.get("token", token)}
    request = urllib.request.Request(uri + event.get("more", ""), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return [answer.status, json.load(answer)]
    except urllib.error.HTTPError as error:
        return [error.code, json.load(error)]
    except OSError as error:
        return [0, str(error)]
"""
    }
)


def make(name: str, *, fresh: Callable[[], bool] = lambda: True) -> Credentials:
    return Credentials(
        name, "secret", "token", lambda: False, fresh=fresh, expiration=time.time() + 900
    )


async def ask(runner: Runner, **event: Any) -> Any:
    return await runner.value(ASK, event, handler="app.ask", renews_credentials=True)


async def test_no_keys_are_in_the_variables_but_where_to_get_them(runner: Runner) -> None:
    settings: dict[str, Any] = {"renews_credentials": True, "handler": "app.variables"}
    variables = await runner.value(ASK, **settings)

    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & set(variables)
    assert variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"].startswith("http://127.0.0.1:")
    assert len(variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]) > 30


async def test_credentials_are_renewed_in_an_environment_that_stays(runner: Runner) -> None:
    fresh = True
    runner.credentials = make("ASIAFIRST", fresh=lambda: fresh)
    first = await ask(runner)
    again = await ask(runner)
    fresh = False
    runner.credentials = make("ASIASECOND")
    renewed = await ask(runner)

    assert first[1]["AccessKeyId"] == again[1]["AccessKeyId"] == "ASIAFIRST"
    # As the guide's "Container credential provider" names the members.
    assert set(first[1]) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    assert renewed[1]["AccessKeyId"] == "ASIASECOND"
    # Though `lasting` says that none of them outlives an invocation.
    variables = await runner.value(
        ASK, handler="app.variables", renews_credentials=True, name="other"
    )
    assert variables


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({"token": ""}, 403, "AccessDenied"),
        ({"token": "guessed"}, 403, "AccessDenied"),
        ({"more": "/else"}, 404, "NotFound"),
        ({"more": "?x=" + "y" * 20000}, 400, "InvalidRequest"),
        ({"more": "?x=" + "y" * 200000}, 0, ""),
    ],
)
async def test_only_the_token_opens_it(
    runner: Runner, event: dict[str, str], status: int, code: str
) -> None:
    answer = await ask(runner, **event)

    assert answer[0] == status
    if code:
        assert answer[1]["code"] == code


async def test_nobody_else_is_answered(runner: Runner) -> None:
    """Another process of this machine, with the right token; and so another function."""
    settings: dict[str, Any] = {"renews_credentials": True, "handler": "app.variables"}
    variables = await runner.value(ASK, **settings)
    uri = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    token = variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]

    def steal() -> httpx.Response:
        return httpx.get(uri, headers={"Authorization": token}, trust_env=False, timeout=5)

    with pytest.raises(httpx.TransportError):
        await asyncio.to_thread(steal)
    status, answer = await runner.value(
        ASK,
        {"uri": uri, "token": token},
        handler="app.ask",
        name="thief",
        renews_credentials=True,
    )
    assert status == 0
    assert "token" not in json.dumps(answer)


async def test_what_cannot_be_renewed_is_said_without_details(
    runner: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    fresh = True
    runner.credentials = make("ASIAFIRST", fresh=lambda: fresh)
    await ask(runner)
    fresh = False
    runner.credentials = RuntimeError("the reason")
    status, answer = await ask(runner)

    assert (status, answer["code"]) == (500, "InternalError")
    assert "the reason" not in json.dumps(answer)
    assert "could not be renewed" in caplog.text
