"""How a service ends: by a signal, whenever it comes."""

import subprocess
import sys

# Signals that come before the wait, while it begins, and in it.
PROGRAM = """
import os, signal, threading, time
from daypass.cli.serving import end_of_service

for number in range(300):
    with end_of_service() as wait:
        if number % 3:
            kill = lambda: (time.sleep(number / 3e6), os.kill(os.getpid(), signal.SIGINT))
            killer = threading.Thread(target=kill)
            killer.start()
        else:
            os.kill(os.getpid(), signal.SIGTERM)
        wait()
    if number % 3:
        killer.join()
print("ended")
"""


def test_a_signal_ends_a_service_whenever_it_comes():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("ended\n", "")
