"""The AWS SDK for Java 2 assumes a role."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.clients.building import fetch, kept, tools
from tests.clients.cast import a_user_and_a_role, keys_by_process
from tests.conftest import Server
from tests.namespaces import sandboxed

SOURCE = Path(__file__).parent / "java"
COPY = ("-q", "-B", "dependency:copy-dependencies")


@pytest.fixture(scope="module")
def command() -> list[str]:
    java, maven = tools("java", "mvn")

    def make(directory: Path) -> None:
        fetch([maven, *COPY, f"-DoutputDirectory={directory}"], SOURCE)

    jars = kept("java", [SOURCE / "pom.xml"], make)
    # A program of one file is compiled as it starts.
    return [java, "-cp", f"{jars}{os.sep}*", str(SOURCE / "Client.java")]


def test_sts_and_its_errors(server: Server, command: list[str]) -> None:
    environment, user, role = a_user_and_a_role(server, "from-java")
    ended = subprocess.run(
        [*command, role],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert 3500 < found.pop("expires") - time.time() <= 3600
    assert found == {
        "me": user,
        "arn": f"arn:aws:sts::{server.account_id}:assumed-role/from-java/from-java",
        "refusal": "AccessDenied",
        "mismatch": "SignatureDoesNotMatch",
    }


def test_it_renews_by_the_credential_process(command: list[str], tmp_path: Path) -> None:
    # It renews in the last quarter of a minute.
    keys = keys_by_process([*command, "6000"], tmp_path, 20)
    assert keys == ["AKIA1", "ASIA1", "AKIA1", "ASIA2"]


GET = """
import java.net.HttpURLConnection;
import java.net.URI;

class Get {
    public static void main(String[] urls) throws Exception {
        var connection = (HttpURLConnection) URI.create(urls[0]).toURL().openConnection();
        System.out.println(connection.getResponseCode());
    }
}
"""


def test_in_a_sandbox_the_trust_of_java_is_the_sandbox_s(server: Server, tmp_path: Path) -> None:
    (java,) = tools("java")
    program = tmp_path / "Get.java"
    program.write_text(GET)
    ended = subprocess.run(
        [*sandboxed(server), java, str(program), "https://iam.amazonaws.com/"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout == "403\n", ended.stderr
