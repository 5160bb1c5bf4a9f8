"""A function that writes without an end takes nothing from the others: not the server's time, not
its memory, not its disk, and not the place of its own important lines."""

import time
import uuid

from tests.conftest import Server
from tests.functions import allow, create_role, deploy, invoke

LOGS = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
FLOOD = """
import os, threading

def write():
    line = b"x" * 1023 + b"\\n"
    while True:
        os.write(1, line * 64)

def handler(event, context):
    if threading.active_count() == 1:
        threading.Thread(target=write, daemon=True).start()
    return "answered"
"""
QUIET = "def handler(event, context):\n    return 'quiet'\n"


def resident(server: Server) -> int:
    """Bytes of memory of the server's processes."""
    total = 0
    for pid in (server.process.pid,):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            total += int(status.read().partition("VmRSS:")[2].split()[0]) * 1024
    return total


def test_a_flood_of_output_harms_nobody(server: Server) -> None:
    flood, quiet = (f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("flood", "quiet"))
    role = create_role(server, f"{flood}-role", LOGS)
    deploy(server, flood, FLOOD, role=role)
    deploy(server, quiet, QUIET, role=role)
    before = resident(server)
    # It writes on while its answer is fetched, and while others are served.
    for _ in range(3):
        assert invoke(server, flood)["Payload"] == "answered"
    for _ in range(20):
        assert invoke(server, quiet)["Payload"] == "quiet"
    assert resident(server) - before < 64 * 1024 * 1024
    client = server.client("logs")
    group = f"/aws/lambda/{flood}"
    deadline = time.monotonic() + 15
    ended = 0
    while ended < 3 and time.monotonic() < deadline:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern='"END RequestId"'
        )
        ended = len(pages.build_full_result()["events"])
    assert ended == 3, "what Lambda itself says is not displaced"
    [found] = client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["storedBytes"] < 65 * 1024 * 1024
    server.client("lambda").delete_function(FunctionName=flood)
