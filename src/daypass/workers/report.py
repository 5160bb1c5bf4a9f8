"""The lines that Lambda itself writes in a function's log, as text or as JSON.

Lambda developer guide, "Viewing CloudWatch logs for Lambda" and "Telemetry API Event schema
reference".
"""

import datetime
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daypass.workers.function import FunctionSpec

_TIMED_OUT = "Sandbox.Timedout"


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one invocation. duration, init_duration: seconds; the latter of a cold start.

    error_type: of a failure that is the environment's, None of a success and of what the handler
    raised. memory: MB at most.
    """

    request_id: str
    duration: float
    memory: int
    init_duration: float | None = None
    error_type: str | None = None

    @property
    def status(self) -> str:
        if self.error_type is None:
            return "success"
        return "timeout" if self.error_type == _TIMED_OUT else "error"


def init_start(function: FunctionSpec, runtime: str) -> str:
    """runtime: what runs it, as in `python:3.12`."""
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    arn = f"arn:aws:lambda:{function.region}::runtime:{digest}"
    if function.log_format != "JSON":
        return f"INIT_START Runtime Version: {runtime}\tRuntime Version ARN: {arn}\n"
    record = {
        "initializationType": "on-demand",
        "phase": "init",
        "runtimeVersion": runtime,
        "runtimeVersionArn": arn,
        "functionName": function.name,
        "functionVersion": function.version,
    }
    return _json("platform.initStart", record)


def init_report(function: FunctionSpec, duration: float, error_type: str) -> str:
    """The initialisation failed. duration: seconds."""
    milliseconds = duration * 1000
    if function.log_format != "JSON":
        return (
            f"INIT_REPORT Init Duration: {milliseconds:.2f} ms\tPhase: init\tStatus: error\t"
            f"Error Type: {error_type}\n"
        )
    record = {
        "initializationType": "on-demand",
        "phase": "init",
        "status": "error",
        "errorType": error_type,
        "metrics": {"durationMs": round(milliseconds, 3)},
    }
    return _json("platform.initReport", record)


def start(function: FunctionSpec, request_id: str) -> str:
    if function.log_format != "JSON":
        return f"START RequestId: {request_id} Version: {function.version}\n"
    record = {
        "requestId": request_id,
        "functionArn": function.arn,
        "version": function.version,
    }
    return _json("platform.start", record)


def end(function: FunctionSpec, report: Report) -> list[str]:
    """The last lines of an invocation."""
    milliseconds = report.duration * 1000
    if function.log_format == "JSON":
        return [_json_report(function, report, milliseconds)]
    text = (
        f"REPORT RequestId: {report.request_id}\tDuration: {milliseconds:.2f} ms\t"
        f"Billed Duration: {math.ceil(milliseconds)} ms\t"
        f"Memory Size: {function.memory_size} MB\tMax Memory Used: {report.memory} MB\t"
    )
    if report.init_duration is not None:
        text += f"Init Duration: {report.init_duration * 1000:.2f} ms\t"
    if report.status != "success":
        text += f"Status: {report.status}"
        if report.status == "error":
            text += f"\tError Type: {report.error_type}"
    return [f"END RequestId: {report.request_id}\n", f"{text}\n"]


def _json_report(function: FunctionSpec, report: Report, milliseconds: float) -> str:
    metrics: dict[str, Any] = {
        "durationMs": round(milliseconds, 3),
        "billedDurationMs": math.ceil(milliseconds),
        "memorySizeMB": function.memory_size,
        "maxMemoryUsedMB": report.memory,
    }
    if report.init_duration is not None:
        metrics["initDurationMs"] = round(report.init_duration * 1000, 3)
    record: dict[str, Any] = {
        "requestId": report.request_id,
        "metrics": metrics,
        "status": report.status,
    }
    if report.status == "error":
        record["errorType"] = report.error_type
    return _json("platform.report", record)


def _json(kind: str, record: Mapping[str, Any]) -> str:
    now = datetime.datetime.now(datetime.UTC)
    moment = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
    event = {"time": moment, "type": kind, "record": record}
    return json.dumps(event, separators=(",", ":")) + "\n"
