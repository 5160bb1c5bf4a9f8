"""What Python functions find loaded, and that it is never in their way."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from daypass.workers.view import package_paths
from tests.functions import pack
from tests.workers.conftest import Runner

LOADED = "import sys\nloaded = set(sys.modules)\n"
LOOK = pack({"app.py": LOADED + "def handler(event, context):\n    return event in loaded\n"})


@pytest.fixture
async def warmed(make_runner: Callable[..., Runner]) -> Runner:
    """A runner whose functions find boto3 loaded."""
    pytest.importorskip("boto3")
    runner = make_runner(preload=True)
    while not await runner.value(LOOK, "boto3"):
        runner.environments.retire("f")
        await asyncio.sleep(0.05)
    return runner


async def test_functions_find_the_sdk_and_the_runtime_loaded(warmed: Runner) -> None:
    assert await warmed.value(LOOK, "awslambdaric.bootstrap")
    assert await warmed.value(LOOK, "botocore.client")
    assert not await warmed.value(LOOK, "daypass.runtime.spawner")


SAY = "NAME = 'of the function'\n"
HANDLER = "def handler(event, context):\n    return module.NAME\n"


@pytest.mark.parametrize(
    "files",
    [
        {"boto3/__init__.py": SAY, "app.py": "import boto3 as module\n" + HANDLER},
        {"urllib3.py": SAY, "app.py": "import urllib3 as module\n" + HANDLER},
        # Of the standard library, loaded by boto3 and not by AWS's runtime.
        {"calendar.py": SAY, "app.py": "import calendar as module\n" + HANDLER},
    ],
)
async def test_a_function_that_brings_its_own_gets_its_own(
    warmed: Runner, files: Mapping[str, str]
) -> None:
    assert await warmed.value(pack(files), name="own") == "of the function"


async def test_a_function_whose_layer_brings_its_own_gets_that(warmed: Runner) -> None:
    package = pack({"app.py": "import boto3 as module\n" + HANDLER})
    for directory in ("python", "python/lib/python3.12/site-packages"):
        layer = pack({f"{directory}/boto3/__init__.py": SAY})
        spec = warmed.spec(package, name="layered", layers=[hashlib.sha256(layer).hexdigest()])
        invocation = await warmed.environments.invoke(
            spec, warmed.event(), warmed.supplies(package, layer)
        )
        assert json.loads(invocation.payload) == "of the function"
        warmed.environments.retire("layered")


async def test_settings_read_at_loading_are_the_functions(warmed: Runner) -> None:
    log = pack({"app.py": "def handler(event, context):\n    print('text')\n    1 / 0\n"})
    invocation = await warmed.run(
        log,
        name="json",
        variables={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"},
    )
    lines = invocation.log_tail.decode().splitlines()

    error = next(line for line in lines if "ZeroDivisionError" in line)
    assert json.loads(error)["errorType"] == "ZeroDivisionError"


async def test_region_and_credentials_are_the_functions(warmed: Runner) -> None:
    code = """
import boto3
def handler(event, context):
    client = boto3.client("s3")
    return [client.meta.region_name, boto3.Session().get_credentials().access_key]
"""
    assert await warmed.value(pack({"app.py": code}), name="client") == ["eu-west-1", "ASIAEXAMPLE"]


def test_nothing_of_the_operators_configuration_is_read(tmp_path: Path) -> None:
    pytest.importorskip("boto3")
    (tmp_path / ".aws").mkdir()
    for name in ("config", "credentials"):
        (tmp_path / ".aws" / name).write_text(
            "[default]\nregion = eu-north-1\naws_access_key_id = AKIAOPERATOR\n"
            "aws_secret_access_key = operators-secret\n"
        )
    program = """
import json, sys
from daypass.runtime import preload
loaded = preload.load(json.loads(sys.argv[1]))
import shutil, os
shutil.rmtree(os.path.join(os.environ["HOME"], ".aws"))
sys.path += json.loads(sys.argv[1])
import boto3
session = boto3.DEFAULT_SESSION
print(json.dumps([session.region_name, session.get_credentials() is None, "boto3" in loaded]))
"""
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, json.dumps(package_paths())],
        env={"HOME": str(tmp_path), "PYTHONPATH": source, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
        cwd=os.sep,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [None, True, True]
