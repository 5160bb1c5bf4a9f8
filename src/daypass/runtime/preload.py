"""What most Python functions load, loaded once, before the forks.

A function whose package brings a module of the same name must not get this one; it is born from a
spawner that has loaded none of it.
"""

import gc
import importlib
import os
import sys
from types import ModuleType
from typing import Final, cast

# Clients of these are made most.
_SERVICES: Final = ("s3", "sts", "dynamodb", "lambda", "sqs")
# So that nothing of the operator's own configuration is read, which functions would inherit.
_NO_CONFIGURATION: Final = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def load(packages: list[str]) -> list[str]:
    """Load awslambdaric and boto3 from these directories, as far as they are there.

    The top-level names of all modules that were not loaded before.
    """
    before = _names()
    sys.path += packages
    # awslambdaric takes an absent native client as it is and never calls it.
    sys.modules["runtime_client"] = cast("ModuleType", None)
    try:
        importlib.import_module("awslambdaric.bootstrap")
        _load_sdk()
    except ImportError:
        # What is missing here is missing, and reported, in the function that needs it.
        pass
    finally:
        sys.path[:] = [path for path in sys.path if path not in packages]
    gc.collect()
    return sorted(_names() - before)


def _load_sdk() -> None:
    """boto3, with a default session whose loader has the most used services read.

    The session itself knows no configuration yet: region, profile and credentials are read in the
    function, from its environment.
    """
    boto3 = importlib.import_module("boto3")
    make_session = importlib.import_module("botocore.session").Session
    loader = importlib.import_module("botocore.loaders").create_loader()
    os.environ.update(_NO_CONFIGURATION)
    try:
        throwaway = make_session()
        throwaway.register_component("data_loader", loader)
        for service in _SERVICES:
            throwaway.create_client(
                service, "us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
            )
    finally:
        for name in _NO_CONFIGURATION:
            del os.environ[name]
    session = make_session()
    session.register_component("data_loader", loader)
    boto3.setup_default_session(botocore_session=session)


def _names() -> set[str]:
    return {name.partition(".")[0] for name in sys.modules}
