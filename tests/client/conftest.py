"""What the tests of the client share: none of them sees this machine's AWS configuration."""

import os

import pytest

from tests.client.wire import recording


@pytest.fixture
def places(monkeypatch, tmp_path):
    """A directory for `config` and `credentials`, and an environment that names no other."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "DAYPASS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("DAYPASS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def recorder():
    with recording() as started:
        yield started
