"""`daypass policy --from-server`: with a Daypass server, and with moto's, another implementation
of IAM."""

import json

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from moto.server import ThreadedMotoServer

from tests.cli.policies import allow, document, trust
from tests.cli.running import CLEAN, daypass


class Account:
    """Users and roles, made with AWS's client."""

    def __init__(self, iam, account_id, prefix):
        self.iam = iam
        self.id = account_id
        self.prefix = prefix

    def make(self):
        name = self.prefix
        fence = self.iam.create_policy(
            PolicyName=f"{name}-fence", PolicyDocument=document(allow(["s3:*", "sqs:*"]))
        )["Policy"]["Arn"]
        self.iam.create_user(
            UserName=name, PermissionsBoundary=fence, Tags=[{"Key": "team", "Value": "red"}]
        )
        self.iam.put_user_policy(
            UserName=name, PolicyName="own", PolicyDocument=document(allow("s3:GetObject"))
        )
        self.iam.create_group(GroupName=f"{name}-group")
        self.iam.add_user_to_group(UserName=name, GroupName=f"{name}-group")
        condition = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
        attached = self.iam.create_policy(
            PolicyName=f"{name}-shared",
            PolicyDocument=document(allow(["s3:PutObject", "ec2:*"], Condition=condition)),
        )["Policy"]["Arn"]
        self.iam.attach_group_policy(GroupName=f"{name}-group", PolicyArn=attached)
        self.iam.create_role(
            RoleName=f"{name}-role",
            Path="/team/",
            AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{self.id}:user/{name}"}),
            PermissionsBoundary=fence,
        )
        self.iam.put_role_policy(
            RoleName=f"{name}-role",
            PolicyName="own",
            PolicyDocument=document(allow(["sqs:*", "ec2:*"])),
        )
        return self

    @property
    def user(self):
        return f"arn:aws:iam::{self.id}:user/{self.prefix}"

    @property
    def role(self):
        return f"arn:aws:iam::{self.id}:role/team/{self.prefix}-role"

    @property
    def session(self):
        return f"arn:aws:sts::{self.id}:assumed-role/{self.prefix}-role/run"


@pytest.fixture(scope="module")
def moto_server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        **CLEAN,
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    server.stop()


@pytest.fixture(scope="module")
def on_daypass(server):
    """An account on a Daypass server, and the environment variables that lead there."""
    account = Account(server.client("iam"), server.account_id, "cli-policy").make()
    return account, server.environment()


@pytest.fixture(scope="module")
def on_moto(moto_server):
    iam = Session().create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=moto_server["AWS_ENDPOINT_URL"],
        aws_access_key_id=moto_server["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=moto_server["AWS_SECRET_ACCESS_KEY"],
    )
    return Account(iam, "123456789012", "cli-policy").make(), moto_server


@pytest.fixture(params=["on_daypass", "on_moto"])
def account(request, monkeypatch):
    account, variables = request.getfixturevalue(request.param)
    for name, value in variables.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return account


@pytest.mark.parametrize(
    ("action", "code", "by"),
    [
        ("s3:GetObject", 0, "identity-based policy: statement 1 of own, inline in user"),
        ("s3:PutObject", 0, "identity-based policy: statement 1 of arn:aws:iam::"),
        ("sqs:SendMessage", 1, "no identity-based policy allows it"),
    ],
)
def test_a_users_policies_are_read_from_the_server(run, account, action, code, by):
    """Its own, and its groups', which a tag of the user guards."""
    asked = ["--from-server", "--principal", account.user, "--action", action]
    ended, out, _ = run("simulate", *asked)
    assert (ended, by in out) == (code, True), out


@pytest.mark.parametrize("account", ["on_daypass"], indirect=True)  # moto has none of users
def test_a_users_boundary_is_read_from_the_server(run, account):
    asked = ["--from-server", "--principal", account.user, "--action", "ec2:RunInstances"]
    code, out, _ = run("simulate", *asked)
    assert (code, "no permissions boundary allows it" in out) == (1, True), out


def test_a_sessions_role_is_read_from_the_server(run, account):
    asked = ["--from-server", "--action", "sqs:SendMessage", "--principal"]
    for principal in (account.session, account.role):
        assert run("simulate", *asked, principal)[0] == 0
        code, out, _ = run("simulate", *asked[:2], "ec2:RunInstances", asked[3], principal)
        assert (code, "no permissions boundary allows it" in out) == (1, True), out
    code, out, _ = run("explain", *asked[:-2], "s3:GetObject", "--principal", account.session)
    assert code == 1
    assert 'statement 1 of "own, inline in role cli-policy-role"' in out


def test_a_roles_trust_policy_is_read_from_the_server(run, account, write):
    write("assume.json", document(allow("sts:*")))
    asked = ["--from-server", "--action", "sts:AssumeRole", "--resource", account.role]
    code, out, _ = run(
        "simulate", "--principal", account.session, "--identity", "assume.json", *asked
    )
    assert (code, "no role trust policy allows it" in out) == (1, True), out
    code, out, _ = run("explain", "--principal", account.user, *asked)
    assert '+ Allow statement 1 of "trust policy of cli-policy-role": it matches' in out


def test_callers_whose_policies_are_elsewhere_are_an_error(run, account):
    asked = ["--from-server", "--action", "s3:GetObject", "--principal"]
    code, out, err = run("simulate", *asked, "arn:aws:iam::999988887777:user/alice")
    assert (code, out) == (1, "")
    assert "account 999988887777" in err
    federated = f"arn:aws:sts::{account.id}:federated-user/visitor"
    code, _, err = run("simulate", *asked, federated)
    assert code == 1
    assert "GetFederationToken" in err
    code, _, err = run("simulate", *asked, f"{account.user}-who-is-not-there")
    assert code == 1
    assert "NoSuchEntity" in err


def test_the_caller_is_whose_credentials_these_are(run, server):
    ended = daypass(
        *("policy", "simulate", "--from-server", "--action", "s3:GetObject", "--output", "json"),
        env=server.environment(),
    )
    assert ended.code == 0, ended
    (result,) = json.loads(ended.out)["Results"]
    assert result["Layer"] == "root user"


def test_a_refusal_of_the_server_is_explained_by_its_own_policies(run, server, monkeypatch):
    iam = server.client("iam")
    iam.create_user(UserName="cli-policy-refused")
    key = iam.create_access_key(UserName="cli-policy-refused")["AccessKey"]
    client = server.client(
        "iam",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ClientError) as refused:
        client.list_roles()
    code, out, _ = run("explain", "--from-server", str(refused.value), "--output", "json")
    assert code == 1
    told = json.loads(out)
    assert told["Notes"] == []
    (remedy,) = told["Explanations"][0]["remedies"]
    # What it says is enough, is.
    iam.put_user_policy(
        UserName="cli-policy-refused", PolicyName="more", PolicyDocument=document(remedy["add"])
    )
    assert "Roles" in client.list_roles()
