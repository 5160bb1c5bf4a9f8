"""Reading from IAM, AWS's or a server's, what it holds of a caller: policies, boundary, tags."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from botocore.client import BaseClient
from botocore.session import Session

from daypass.cli.failure import Failure
from daypass.cli.options import Connection
from daypass.cli.policy.question import Holdings
from daypass.client import environment_region
from daypass.policy import (
    Policy,
    PolicyError,
    PolicyKind,
    Principal,
    PrincipalKind,
    parse_policy,
    principal_of,
)

_DOCUMENT: Final = "PolicyDocument"


class IamReader:
    """Reads with the credentials of the connection."""

    def __init__(self, connection: Connection) -> None:
        session = Session(profile=connection.profile)
        where = {
            "region_name": connection.region or environment_region(),
            "endpoint_url": connection.endpoint_url,
        }
        self._iam: BaseClient = session.create_client("iam", **where)
        self._identity: Mapping[str, str] = session.create_client(
            "sts", **where
        ).get_caller_identity()

    def caller(self) -> Principal:
        """Whose the credentials are."""
        return principal_of(self._identity["Arn"])

    def holdings(self, principal: Principal) -> Holdings:
        """What the account holds of a caller. Raises `Failure` for a caller of another account,
        and for a federated user, who has the policies of the user that vouched for it."""
        kind = principal.kind
        if principal.account:
            self._check_account(principal.account, principal.arn)
        if kind is PrincipalKind.USER:
            return self._user(principal)
        if kind in (PrincipalKind.ROLE, PrincipalKind.ROLE_SESSION):
            return self._role(principal)
        if kind is PrincipalKind.FEDERATED_USER:
            raise Failure(
                f"The policies of {principal.arn} are not known to IAM.",
                "A federated user has those of the user who called GetFederationToken.",
                "Pass them with --identity, and the policy of the session with --session.",
            )
        return Holdings(principal)

    def trust_policy(self, role_arn: str) -> Policy:
        """The trust policy of a role in the account."""
        self._check_account(role_arn.split(":")[4], role_arn)
        role = self._iam.get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
        label = f"trust policy of {role['RoleName']}"
        return _parse(role["AssumeRolePolicyDocument"], PolicyKind.TRUST, label)

    def _check_account(self, account: str, arn: str) -> None:
        own = self._identity["Account"]
        if account != own:
            raise Failure(
                f"The policies of {arn} cannot be read.",
                f"It is of account {account}, and the credentials are of account {own}.",
                "Use credentials of that account, or pass the policies as files.",
            )

    def _user(self, principal: Principal) -> Holdings:
        user = self._iam.get_user(UserName=principal.arn.rpartition("/")[2])["User"]
        policies = [*self._attached("user", user["UserName"])]
        groups = self._iam.get_paginator("list_groups_for_user")
        for page in groups.paginate(UserName=user["UserName"]):
            for group in page["Groups"]:
                policies += self._attached("group", group["GroupName"])
        complete = replace(principal, arn=user["Arn"], unique_id=user["UserId"])
        return self._held(complete, policies, user)

    def _role(self, principal: Principal) -> Holdings:
        name = principal.role_name or principal.arn.rpartition("/")[2]
        role = self._iam.get_role(RoleName=name)["Role"]
        policies = [*self._attached("role", name)]
        complete = replace(principal, unique_id=role["RoleId"])
        if principal.kind is PrincipalKind.ROLE_SESSION:
            complete = replace(complete, role_arn=role["Arn"])
        return self._held(complete, policies, role)

    def _held(
        self, principal: Principal, policies: list[Policy], record: Mapping[str, Any]
    ) -> Holdings:
        boundary = record.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        tags = {f"aws:principaltag/{tag['Key']}": tag["Value"] for tag in record.get("Tags", ())}
        return Holdings(
            principal,
            tuple(policies),
            self._managed(boundary, PolicyKind.BOUNDARY) if boundary else None,
            tags,
        )

    def _attached(self, owner: str, name: str) -> Iterator[Policy]:
        """The inline and the attached policies of a user, group or role."""
        given = {f"{owner.capitalize()}Name": name}
        inline = self._iam.get_paginator(f"list_{owner}_policies")
        for page in inline.paginate(**given):
            for policy in page["PolicyNames"]:
                found = getattr(self._iam, f"get_{owner}_policy")(PolicyName=policy, **given)
                label = f"{policy}, inline in {owner} {name}"
                yield _parse(found[_DOCUMENT], PolicyKind.IDENTITY, label)
        attached = self._iam.get_paginator(f"list_attached_{owner}_policies")
        for page in attached.paginate(**given):
            for policy in page["AttachedPolicies"]:
                yield self._managed(policy["PolicyArn"], PolicyKind.IDENTITY)

    def _managed(self, arn: str, kind: PolicyKind) -> Policy:
        version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
        return _parse(found["PolicyVersion"]["Document"], kind, arn)


def _parse(document: object, kind: PolicyKind, label: str) -> Policy:
    try:
        return parse_policy(json.dumps(document), kind, label=label)
    except PolicyError as error:
        raise Failure(f"The policy {label} cannot be read.", str(error), code=error.code) from error
