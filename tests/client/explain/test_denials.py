"""AWS's sentences for denials, as the IAM User Guide has them."""

import pytest

from daypass.client.explain.denials import encoded_message, explain_denial

PRINCIPAL = "arn:aws:iam::123456789012:user/mary"
RESOURCE = "arn:aws:codecommit:us-east-1:123456789012:MyDemoRepo"


# IAM User Guide, "Troubleshoot access denied error messages": one example of each kind of policy.
@pytest.mark.parametrize(
    ("because", "policy", "hint"),
    [
        (
            "because no identity-based policy allows the codecommit:ListRepositories action",
            "no identity-based policy allows it",
            "Attach a policy to the user mary",
        ),
        (
            "because no resource-based policy allows the codecommit:ListRepositories action",
            "no resource-based policy allows it",
            f"in the policy of {RESOURCE}",
        ),
        (
            "because no permissions boundary allows the codecommit:ListRepositories action",
            "no permissions boundary allows it",
            "permissions boundary of the user mary",
        ),
        (
            "because no session policy allows the codecommit:ListRepositories action",
            "no session policy allows it",
            "session policy allows codecommit:ListRepositories",
        ),
        (
            "because no service control policy allows the codecommit:ListRepositories action",
            "no service control policy allows it",
            "organization",
        ),
        (
            "because no VPC endpoint policy allows the codecommit:ListRepositories action",
            "no VPC endpoint policy allows it",
            "VPC endpoint",
        ),
        (
            "with an explicit deny in an identity-based policy",
            "explicit deny in identity-based policy",
            "Deny beats every Allow",
        ),
        (
            "with an explicit deny in a service control policy: "
            "arn:aws:organizations::777788889999:policy/o-x/service_control_policy/p-1",
            "explicit deny in service control policy",
            "Deny beats every Allow",
        ),
        (
            "with an explicit deny in a permissions boundary",
            "explicit deny in permissions boundary",
            "Deny beats every Allow",
        ),
        ("", "not said", "none denies it"),
    ],
)
def test_the_kind_of_policy_is_read(because, policy, hint):
    text = (
        f"User: {PRINCIPAL} is not authorized to perform: codecommit:ListRepositories "
        f"on resource: {RESOURCE} {because}".strip()
    )
    for told in (explain_denial(text), explain_denial(f"Error: AccessDenied: {text}\nmore")):
        assert told.facts == {
            "Principal": PRINCIPAL,
            "Action": "codecommit:ListRepositories",
            "Resource": RESOURCE,
            "Policy": policy,
        }
        assert hint in " ".join(told.do)


def test_a_role_is_named_with_its_session():
    text = (
        "User: arn:aws:sts::123456789012:assumed-role/reader/at-work is not authorized to perform: "
        "sts:AssumeRole on resource: arn:aws:iam::210987654321:role/admin"
    )
    told = explain_denial(text)
    assert told.what.startswith("the role reader (session at-work) may not do sts:AssumeRole")
    assert "trust policy must name" in " ".join(told.do)


@pytest.mark.parametrize("text", ["", "nothing here", "is not authorized to perform: x"])
def test_other_text_is_no_denial(text):
    assert explain_denial(text) is None


def test_an_encoded_message_is_found_in_an_error():
    message = "abcDEF012_-" * 10
    text = (
        "You are not authorized to perform this operation. Encoded authorization failure message: "
        f"{message}"
    )
    assert encoded_message(text) == message
    assert encoded_message("Encoded authorization failure message: short") == ""
