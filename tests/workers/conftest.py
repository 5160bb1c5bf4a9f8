"""Environments of a test's own, and a function to run in them."""

import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from daypass.workers import (
    Credentials,
    Environments,
    Event,
    FunctionSpec,
    Invocation,
    Supplies,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:"
CREDENTIALS = Credentials("ASIAEXAMPLE", "the-secret-key", "the-token", lambda: True)


class Runner:
    """Runs functions. credentials: what the next environments get, or why they get none."""

    def __init__(self, environments: Environments) -> None:
        self.environments = environments
        self.credentials: Credentials | Exception = CREDENTIALS
        self._numbers = itertools.count(1)

    def spec(self, package: bytes, **changes: Any) -> FunctionSpec:
        name = changes.pop("name", "f")
        settings: dict[str, Any] = {
            "name": name,
            "arn": ARN + name,
            "revision": "1",
            "runtime": "python3.12",
            "handler": "app.handler",
            "code_sha256": hashlib.sha256(package).hexdigest(),
            "timeout": 20,
            "memory_size": 256,
            "ephemeral_storage": 512,
            "region": "eu-west-1",
            "endpoint_url": "http://127.0.0.1:9311",
        }
        return FunctionSpec(**{**settings, **changes})

    def supplies(self, *packages: bytes) -> Supplies:
        async def credentials() -> Credentials:
            if isinstance(self.credentials, Exception):
                raise self.credentials
            return self.credentials

        async def read(sha256: str) -> bytes:
            return next(
                package for package in packages if hashlib.sha256(package).hexdigest() == sha256
            )

        return Supplies(credentials, read)

    def event(self, payload: object = None) -> Event:
        request_id = f"request-{next(self._numbers)}"
        return Event(request_id, json.dumps(payload).encode(), wants_log=True)

    async def run(self, package: bytes, payload: object = None, **changes: Any) -> Invocation:
        return await self.environments.invoke(
            self.spec(package, **changes), self.event(payload), self.supplies(package)
        )

    async def value(self, package: bytes, payload: object = None, **changes: Any) -> Any:
        """What the function returned; it must not fail."""
        invocation = await self.run(package, payload, **changes)
        assert invocation.function_error is None, invocation.payload
        return json.loads(invocation.payload)


@pytest.fixture
async def make_runner(tmp_path: Path) -> AsyncIterator[Callable[..., Runner]]:
    made: list[Environments] = []

    def make(**options: Any) -> Runner:
        # Loading takes a second of a processor, which few tests have a use for.
        made.append(Environments(tmp_path / "functions", **{"preload": False, **options}))
        return Runner(made[-1])

    yield make
    for environments in made:
        await environments.close()


@pytest.fixture
def runner(make_runner: Callable[..., Runner]) -> Runner:
    return make_runner()
