"""`daypass policy lint`, `simulate` and `explain` with policies in files."""

import json

import pytest

from tests.cli.policies import allow, document, trust
from tests.cli.running import daypass

ALICE = "arn:aws:iam::111122223333:user/alice"
ACCOUNT = "111122223333"


# --- lint


def test_lint_is_quiet_about_sound_policies(run, write):
    write("a.json", document(allow("s3:GetObject", "arn:aws:s3:::bucket/*")))
    assert run("lint", "a.json") == (0, "no findings in 1 file\n", "")


def test_lint_says_where_what_and_what_to_do(run, write):
    write("a.json", document(allow("s3:ListAllMyBuckets"), allow("s3:GetObjekt")))
    code, out, _ = run("lint", "a.json")
    assert code == 1
    first, second, third, last = out.splitlines()
    # The second statement begins on the ninth line.
    assert first == "a.json:9: error: Amazon S3 has no action 'GetObjekt'"
    assert second == "  $.Statement[1].Action, unknown-action"
    assert "GetObject" in third
    assert last == "1 error in 1 file"


def test_lint_ends_with_0_for_warnings_alone(run, write):
    write("a.json", document(allow("iam:PassRole")))
    code, out, _ = run("lint", "a.json")
    assert code == 0
    assert out.endswith("1 warning in 1 file\n")


def test_lint_as_json(run, write):
    write("a.json", document(allow("s3:GetObjekt")))
    code, out, _ = run("lint", "a.json", "--output", "json")
    told = json.loads(out)
    assert code == 1
    assert (told["Errors"], told["Warnings"], told["Notes"]) == (1, 0, 0)
    (found,) = told["Files"][0]["Findings"]
    assert (told["Files"][0]["File"], told["Files"][0]["Kind"]) == ("a.json", "identity")
    assert found.pop("Remedy")
    assert found == {
        "Code": "unknown-action",
        "Severity": "error",
        "Path": "$.Statement[0].Action",
        "Line": 4,
        "Message": "Amazon S3 has no action 'GetObjekt'",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Syntax errors in policy."),
        (document({"Effect": "Allow", "Action": "s3:*"}), "must contain resources"),
    ],
)
def test_lint_reports_what_aws_would_refuse(run, write, text, message):
    write("a.json", text)
    code, out, _ = run("lint", "a.json")
    assert code == 1
    assert message in out
    assert "refused-by-aws" in out


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (document(allow("s3:*")), "identity"),
        (document(allow("s3:*", "arn:aws:s3:::b", Principal={"AWS": ACCOUNT})), "resource"),
        (trust({"AWS": ACCOUNT}), "trust"),
        ('{"Statement": ["x"]}', "identity"),
        ('{"Statement": 1}', "identity"),
        ("[1]", "identity"),
    ],
)
def test_lint_tells_the_kind_by_what_a_document_holds(run, write, text, kind):
    write("a.json", text)
    told = json.loads(run("lint", "a.json", "--output", "json")[1])
    assert told["Files"][0]["Kind"] == kind


def test_lint_takes_a_kind_and_an_account(run, write):
    write("a.json", trust({"AWS": "999988887777"}))
    assert "trust-without-external-id" in run("lint", "a.json", "--account", ACCOUNT)[1]
    assert "trust-without-external-id" not in run("lint", "a.json")[1]
    assert "should not specify a principal" in run("lint", "a.json", "--kind", "identity")[1]


def test_lint_reads_directories_and_standard_input(run, write):
    write("policies/b.json", document(allow("s3:GetObjekt")))
    write("policies/a.json", document(allow("s3:ListAllMyBuckets")))
    write("policies/notes.txt", "no policy")
    code, out, _ = run("lint", "policies")
    assert (code, out.splitlines()[-1]) == (1, "1 error in 2 files")
    ended = daypass("policy", "lint", "-", stdin=document(allow("s3:GetObjekt")).encode())
    assert ended.code == 1
    assert ended.out.startswith("-:")


def test_lint_needs_files_that_are_there(run, write, tmp_path):
    (tmp_path / "empty").mkdir()
    write("bytes.json", "")
    (tmp_path / "bytes.json").write_bytes(b"\xff")
    for arguments in ([], ["missing.json"], ["empty"], ["bytes.json"], ["x", "--kind", "y"]):
        code, out, err = run("lint", *arguments)
        assert (code, out) == (2, "")
        assert "Error: " in err


# --- simulate


@pytest.fixture
def fenced(write):
    """The options of a user with a boundary."""
    write("work.json", document(allow(["s3:*", "ec2:*"], Sid="Work")))
    write("fence.json", document(allow(["s3:*", "iam:*"], Sid="Fence")))
    return ["--principal", ALICE, "--identity", "work.json", "--boundary", "fence.json"]


def test_simulate_decides_each_action_on_each_resource(run, fenced):
    arguments = ["--action", "s3:GetObject", "--action", "ec2:RunInstances"]
    code, out, _ = run("simulate", *fenced, *arguments)
    assert code == 1
    header, first, second = (line.split() for line in out.splitlines())
    assert header == ["Decision", "Action", "Resource", "By"]
    assert first[:3] == ["allowed", "s3:GetObject", "*"]
    assert " ".join(first[3:]) == "identity-based policy: Work of work.json"
    assert second[:3] == ["denied", "ec2:RunInstances", "*"]
    assert " ".join(second[3:]) == "no permissions boundary allows it"
    assert run("simulate", *fenced, "--action", "s3:GetObject")[0] == 0


def test_simulate_as_json(run, fenced):
    out = run("simulate", *fenced, "--action", "iam:ListUsers", "--output", "json")[1]
    told = json.loads(out)
    assert told["Allowed"] is False
    (result,) = told["Results"]
    assert (result["Decision"], result["Layer"]) == ("implicit_deny", "identity-based policy")
    assert result["Message"] == (
        f"User: {ALICE} is not authorized to perform: iam:ListUsers on resource: * "
        "because no identity-based policy allows the iam:ListUsers action"
    )


# One document for each layer, and the words for its refusal.
@pytest.mark.parametrize(
    ("option", "text", "by"),
    [
        ("--identity", document(allow("s3:*", effect="Deny")), "identity-based policy: statement"),
        ("--boundary", document(allow("ec2:*")), "no permissions boundary allows it"),
        ("--session", document(allow("ec2:*")), "no session policy allows it"),
        ("--scp", document(allow("ec2:*")), "no service control policy allows it"),
        (
            "--rcp",
            document(allow("s3:*", effect="Deny", Principal="*")),
            "resource control policy: statement 1",
        ),
        (
            "--resource-policy",
            document(allow("s3:*", effect="Deny", Principal="*")),
            "resource-based policy: statement 1",
        ),
        (
            "--vpc-endpoint-policy",
            document(allow("ec2:*", Principal="*")),
            "no VPC endpoint policy allows it",
        ),
    ],
)
def test_every_kind_of_policy_is_taken(run, write, option, text, by):
    write("all.json", document(allow("*")))
    write("layer.json", text)
    arguments = ["--principal", ALICE, "--identity", "all.json", "--action", "s3:GetObject"]
    assert run("simulate", *arguments)[0] == 0
    code, out, _ = run("simulate", *arguments, option, "layer.json")
    assert code == 1
    assert by in out


def test_each_scp_is_a_level_and_a_directory_is_one(run, write):
    write("all.json", document(allow("*")))
    write("levels/a.json", document(allow("s3:*")))
    write("levels/b.json", document(allow("ec2:*")))
    asked = ["--principal", ALICE, "--identity", "all.json", "--action", "s3:GetObject"]
    assert run("simulate", *asked, "--scp", "levels")[0] == 0
    assert run("simulate", *asked, "--scp", "levels/a.json", "--scp", "levels/b.json")[0] == 1


def test_condition_keys_are_given_and_those_that_lack_are_named(run, write):
    condition = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    write("a.json", document(allow("s3:*", Condition=condition)))
    asked = ["--principal", ALICE, "--identity", "a.json", "--action", "s3:GetObject"]
    code, _, err = run("simulate", *asked)
    assert code == 1
    assert "not given: aws:SourceIp" in err
    assert run("simulate", *asked, "--context", "aws:SourceIp=10.1.2.3")[0] == 0
    assert run("simulate", *asked, "--context", "aws:sourceip=192.0.2.1")[0] == 1


def test_a_key_given_twice_has_two_values(run, write):
    condition = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]}}
    write("a.json", document(allow("iam:TagUser", Condition=condition)))
    asked = ["--principal", ALICE, "--identity", "a.json", "--action", "iam:TagUser"]
    tags = ["--context", "aws:TagKeys=team", "--context"]
    assert run("simulate", *asked, *tags, "aws:TagKeys=stage")[0] == 0
    assert run("simulate", *asked, *tags, "aws:TagKeys=other")[0] == 1


def test_the_callers_keys_and_the_time_are_known(run, write):
    conditions = {
        "StringEquals": {"aws:username": "alice", "aws:PrincipalType": "User"},
        "ArnEquals": {"aws:PrincipalArn": ALICE},
        "DateGreaterThan": {"aws:CurrentTime": "2024-01-01T00:00:00Z"},
    }
    write("a.json", document(allow("s3:*", Condition=conditions)))
    asked = ["--principal", ALICE, "--identity", "a.json", "--action", "s3:GetObject"]
    assert run("simulate", *asked)[0] == 0


def test_the_resource_of_another_account_needs_its_policy(run, write):
    write("all.json", document(allow("*")))
    asked = ["--principal", ALICE, "--identity", "all.json", "--action", "lambda:InvokeFunction"]
    function = "arn:aws:lambda:eu-west-1:999988887777:function:f"
    assert run("simulate", *asked, "--resource", function)[0] == 1
    bucket = [*asked[:-1], "s3:GetObject", "--resource", "arn:aws:s3:::b/k"]
    assert run("simulate", *bucket)[0] == 0
    assert run("simulate", *bucket, "--resource-account", "999988887777")[0] == 1


def test_assuming_a_role_needs_its_trust_policy(run, write):
    write("all.json", document(allow("*")))
    write("trust.json", trust({"AWS": "arn:aws:iam::111122223333:user/bob"}))
    asked = ["--identity", "all.json", "--action", "sts:AssumeRole"]
    code, _, err = run("simulate", "--principal", ALICE, *asked)
    assert code == 2
    assert "--trust-policy" in err
    asked += ["--trust-policy", "trust.json"]
    assert run("simulate", "--principal", ALICE, *asked)[0] == 1
    assert run("simulate", "--principal", ALICE.replace("alice", "bob"), *asked)[0] == 0


def test_a_key_policy_must_itself_allow(run, write):
    write("all.json", document(allow("*")))
    write("key.json", document(allow("kms:*", Principal={"AWS": "999988887777"})))
    asked = ["--principal", ALICE, "--identity", "all.json", "--action", "kms:Decrypt"]
    assert run("simulate", *asked, "--resource-policy", "key.json")[0] == 1


@pytest.mark.parametrize(
    ("principal", "kind"),
    [
        (ACCOUNT, "the root user"),
        ("arn:aws:iam::111122223333:role/a/b", "role"),
        ("arn:aws:sts::111122223333:assumed-role/b/s", "session"),
        ("arn:aws:sts::111122223333:federated-user/f", "federated"),
    ],
)
def test_every_caller_of_an_account_may_be_named(run, write, principal, kind):
    write("all.json", document(allow("*")))
    asked = ["--principal", principal, "--identity", "all.json", "--action", "s3:GetObject"]
    assert run("simulate", *asked)[0] == 0, kind


@pytest.mark.parametrize(
    ("principal", "element"),
    [
        ("anonymous", "*"),
        ("lambda.amazonaws.com", {"Service": "lambda.amazonaws.com"}),
        (
            "arn:aws:iam::111122223333:oidc-provider/example.com",
            {"Federated": "arn:aws:iam::111122223333:oidc-provider/example.com"},
        ),
    ],
)
def test_callers_without_an_account_need_the_resources_policy(run, write, principal, element):
    write("b.json", document(allow("s3:GetObject", "arn:aws:s3:::b/*", Principal=element)))
    asked = ["--resource-policy", "b.json", "--action", "s3:GetObject", "--principal"]
    assert run("simulate", *asked, principal, "--resource", "arn:aws:s3:::b/k")[0] == 0
    assert run("simulate", *asked, principal, "--resource", "arn:aws:s3:::c/k")[0] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--identity", "a.json", "--action", "s3:GetObject"],
        ["--identity", "a.json", "--principal", ALICE],
        ["--action", "s3:GetObject", "--principal", ALICE],
        ["--identity", "a.json", "--action", "s3:GetObject", "--principal", "alice"],
        ["--identity", "a.json", "--action", "s3:GetObject", "--principal", f"{ALICE[:-5]}"],
        ["--principal", ALICE, "--identity", "a.json", "--action", "s3:Get", "--context", "x"],
        ["--principal", ALICE, "--identity", "bad.json", "--action", "s3:GetObject"],
        ["--principal", ALICE, "--identity", "none.json", "--action", "s3:GetObject"],
    ],
)
def test_what_is_not_asked_well_ends_with_2(run, write, arguments):
    write("a.json", document(allow("*")))
    write("bad.json", document(allow("*", Principal="*")))
    code, out, err = run("simulate", *arguments)
    assert (code, out) == (2, "")
    assert "Error: " in err


def test_a_policy_that_aws_refuses_is_named_with_what_is_wrong(run, write):
    write("bad.json", document(allow("s3:Get:Object")))
    asked = ["--principal", ALICE, "--identity", "bad.json", "--action", "s3:GetObject"]
    assert run("simulate", *asked)[2].splitlines() == [
        "Error: bad.json is no identity policy that AWS takes.",
        "  why  Actions/Condition can contain only one colon. ($.Statement[0].Action: "
        "'s3:Get:Object' is not like s3:GetObject)",
        "  do   daypass policy lint --kind identity bad.json",
    ]


# --- explain


def test_explain_shows_each_statement_and_what_to_add(run, fenced):
    code, out, _ = run("explain", *fenced, "--action", "ec2:RunInstances")
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "Denied: no permissions boundary allows ec2:RunInstances on *."
    assert '  + Allow statement "Work" of "work.json": it matches' in lines
    fence = '  - Allow statement "Fence" of "fence.json": its Action does not include'
    assert f"{fence} ec2:RunInstances" in lines
    assert "- add to the permissions boundary of the caller:" in lines
    assert run("explain", *fenced, "--action", "s3:GetObject")[0] == 0


def test_explain_as_json(run, fenced):
    out = run("explain", *fenced, "--action", "ec2:RunInstances", "--output", "json")[1]
    told = json.loads(out)
    (explanation,) = told["Explanations"]
    assert told["Allowed"] is False
    assert explanation["layer"] == "permissions boundary"
    assert explanation["remedies"] == [
        {
            "layer": "permissions boundary",
            "add": {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"},
        }
    ]


# As the AWS CLI prints it for S3, and as its documentation has it.
REFUSED = (
    "An error occurred (AccessDenied) when calling the GetObject operation: User: "
    f"{ALICE} is not authorized to perform: s3:GetObject on resource: "
)


def test_explain_reads_who_was_refused_what(run, write):
    write("work.json", document(allow("s3:ListBucket")))
    message = (
        f'{REFUSED}"arn:aws:s3:::b/k" because no identity-based policy allows the s3:GetObject '
        "action"
    )
    code, out, _ = run("explain", message, "--identity", "work.json")
    assert code == 1
    assert "no identity-based policy allows s3:GetObject on arn:aws:s3:::b/k" in out
    ended = daypass(
        *("policy", "explain", "-", "--identity", "work.json"), stdin=f"\n{message}\n".encode()
    )
    assert (ended.code, ended.out) == (code, out)


def test_explain_believes_the_refusal_about_a_policy_it_has_not(run, write):
    write("work.json", document(allow("s3:*")))
    message = f"{REFUSED}arn:aws:s3:::b/k because no session policy allows the s3:GetObject action"
    code, out, _ = run("explain", message, "--identity", "work.json")
    assert code == 1
    assert out.startswith("Denied: no session policy allows s3:GetObject on arn:aws:s3:::b/k.")
    assert "- add to the session policy, passed when the session is made:" in out


def test_explain_says_what_the_policies_at_hand_do_not_show(run, write):
    write("work.json", document(allow("s3:*")))
    message = f"{REFUSED}arn:aws:s3:::b/k with an explicit deny in a service control policy"
    code, out, _ = run("explain", message, "--identity", "work.json")
    assert code == 1
    assert "The refusal names an explicit deny in the service control policy" in out


@pytest.mark.parametrize(
    "message", ["Access Denied", "User: x is not authorized to perform: y", REFUSED[:60]]
)
def test_explain_says_what_it_cannot_read(run, write, message):
    write("work.json", document(allow("s3:*")))
    code, out, err = run("explain", message, "--identity", "work.json", "--output", "json")
    assert (code, out) == (2, "")
    assert json.loads(err)["Error"]["Do"].startswith("Say it: --principal")
