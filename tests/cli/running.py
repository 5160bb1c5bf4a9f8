"""Runs `daypass` as a user does, without this machine's AWS configuration."""

import os
import subprocess
import sys

CLEAN = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def daypass(*arguments, env=None, stdin=b"", timeout=60):
    """The ended process. env: instead of an environment without any AWS_ variable."""
    if env is None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        env = kept | CLEAN
    ended = subprocess.run(
        [sys.executable, "-m", "daypass", *arguments],
        env=env,
        input=stdin,
        start_new_session=True,  # without a terminal, on which it could ask
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    assert b"Traceback" not in ended.stderr, ended.stderr.decode()
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


class Ended:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self):
        return f"code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"
