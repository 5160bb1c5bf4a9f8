"""Bringing IAM and Lambda to what a plan says."""

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from daypass.cli.deployment.plan import Plan

T = TypeVar("T")

_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
_LOGS: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        }
    ],
}
# A new role is not known everywhere at once on AWS; a function that is being changed refuses
# further changes for a moment.
_PATIENCE: Final = 60.0
_PASSING: Final = ("cannot be assumed by Lambda", "update is in progress", "state: Pending")


class Deployment:
    """Makes and changes functions; run again, it changes what differs."""

    def __init__(self, iam: BaseClient, functions: BaseClient, say: Callable[[str], None]) -> None:
        self._iam = iam
        self._lambda = functions
        self._say = say

    def run(self, plan: Plan, package: bytes) -> dict[str, object]:
        """Bring all of it about: what was made, by name."""
        role = plan.role or self._own_role(plan)
        function, made = self._function(plan, package, role)
        result: dict[str, object] = {
            "Function": function,
            "Role": role,
            "Action": "created" if made else "updated",
        }
        if plan.tags:
            self._lambda.tag_resource(Resource=function, Tags=dict(plan.tags))
        if plan.concurrency is not None:
            self._lambda.put_function_concurrency(
                FunctionName=plan.name, ReservedConcurrentExecutions=plan.concurrency
            )
        if plan.url is not None:
            result["Url"] = self._url(plan)
        return result

    def update_code(self, plan: Plan, package: bytes) -> None:
        """Only its code."""
        self._say(f"uploading {len(package):,} bytes for {plan.name}")
        self._patiently(
            lambda: self._lambda.update_function_code(FunctionName=plan.name, ZipFile=package)
        )

    def _own_role(self, plan: Plan) -> str:
        name = f"{plan.name}-role"
        arn = _unless(
            "EntityAlreadyExists",
            lambda: str(
                self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))[
                    "Role"
                ]["Arn"]
            ),
        )
        if arn is None:
            self._say(f"role {name} is there")
            arn = str(self._iam.get_role(RoleName=name)["Role"]["Arn"])
        else:
            self._say(f"role {name} created")
        for label, document in {"logs": json.dumps(_LOGS), **plan.policies}.items():
            self._iam.put_role_policy(RoleName=name, PolicyName=label, PolicyDocument=document)
        for managed in plan.managed:
            self._iam.attach_role_policy(RoleName=name, PolicyArn=managed)
        if plan.policies or plan.managed:
            self._say(f"policies of {name} set")
        return arn

    def _function(self, plan: Plan, package: bytes, role: str) -> tuple[str, bool]:
        settings: dict[str, Any] = {
            "FunctionName": plan.name,
            "Runtime": plan.runtime,
            "Role": role,
            "Handler": plan.handler,
            "Timeout": plan.timeout,
            "MemorySize": plan.memory,
            "Environment": {"Variables": dict(plan.variables)},
            **plan.settings,
        }
        self._say(f"uploading {len(package):,} bytes for {plan.name}")
        made = _unless(
            "ResourceConflictException",
            lambda: self._patiently(
                lambda: self._lambda.create_function(**settings, Code={"ZipFile": package})
            ),
            message="already exist",
        )
        if made is None:
            self.update_code(plan, package)
            # Its architecture goes with its code alone.
            settings.pop("Architectures", None)
            made = self._patiently(lambda: self._lambda.update_function_configuration(**settings))
            self._say(f"function {plan.name} updated")
            return str(made["FunctionArn"]), False
        self._say(f"function {plan.name} created")
        return str(made["FunctionArn"]), True

    def _patiently(self, change: Callable[[], T]) -> T:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                return change()
            except ClientError as error:
                message = error.response["Error"]["Message"]
                passing = any(text in message for text in _PASSING)
                if not passing or time.monotonic() > end:
                    raise
                self._say(f"waiting: {message}")
                time.sleep(2)

    def _url(self, plan: Plan) -> str:
        url = plan.url
        assert url is not None
        settings = {
            "FunctionName": plan.name,
            "AuthType": url.auth_type,
            "InvokeMode": url.invoke_mode,
            **({} if url.cors is None else {"Cors": url.cors}),
        }
        answer: Mapping[str, Any] | None = _unless(
            "ResourceConflictException",
            lambda: self._lambda.create_function_url_config(**settings),
        )
        if answer is None:
            answer = self._lambda.update_function_url_config(**settings)
        if url.auth_type == "NONE":
            self._let_everybody_call(plan.name)
        return str(answer["FunctionUrl"])

    def _let_everybody_call(self, name: str) -> None:
        # The two statements that Lambda's console writes, by their names there.
        statements: Mapping[str, Mapping[str, object]] = {
            "FunctionURLAllowPublicAccess": {
                "Action": "lambda:InvokeFunctionUrl",
                "FunctionUrlAuthType": "NONE",
            },
            "FunctionURLAllowInvokeAction": {
                "Action": "lambda:InvokeFunction",
                "InvokedViaFunctionUrl": True,
            },
        }
        for statement, permission in statements.items():
            add = partial(
                self._lambda.add_permission,
                FunctionName=name,
                StatementId=statement,
                Principal="*",
                **permission,
            )
            _unless("ResourceConflictException", add)


def _unless(code: str, change: Callable[[], T], message: str = "") -> T | None:
    """What the change gives, or None if AWS refuses it with this code: it was made before."""
    try:
        return change()
    except ClientError as error:
        refusal = error.response["Error"]
        if refusal["Code"] == code and message in refusal["Message"]:
            return None
        raise
