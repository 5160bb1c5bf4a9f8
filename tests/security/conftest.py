"""Fixtures of the attacks on SAML."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_node import local_node
from tests.saml import Federation, IdentityProvider


@pytest.fixture(scope="session")
def idp(tmp_path_factory: pytest.TempPathFactory) -> IdentityProvider:
    return IdentityProvider(tmp_path_factory.mktemp("idp"))


@pytest.fixture
def federation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idp: IdentityProvider
) -> Iterator[Federation]:
    for node in local_node(tmp_path, monkeypatch):
        yield Federation(node, idp)
