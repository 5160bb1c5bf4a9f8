"""AssumeRoleWithSAML, called by botocore with responses that pysaml2 made and libxmlsec1 signed."""

import base64
import datetime
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_node import ACCOUNT, REGION, LocalNode, allow, local_node, session_credentials
from tests.saml import (
    AWS,
    SIGN_IN,
    Federation,
    IdentityProvider,
    name_qualifier,
    part,
)

NOT_AUTHORIZED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
TOO_OLD = ("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
SUBJECT = "./saml:Assertion/saml:Subject"
DATA = f"{SUBJECT}/saml:SubjectConfirmation/saml:SubjectConfirmationData"
CONDITIONS = "./saml:Assertion/saml:Conditions"


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> IdentityProvider:
    return IdentityProvider(tmp_path_factory.mktemp("idp"))


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNode]:
    yield from local_node(tmp_path, monkeypatch)


@pytest.fixture
def federation(node: LocalNode, idp: IdentityProvider) -> Federation:
    return Federation(node, idp)


def identity(federation: Federation, answer: Any) -> dict[str, str]:
    credentials = session_credentials(answer)
    found: dict[str, str] = federation.node.client("sts", credentials).get_caller_identity()
    return found


def iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# -- answers ---------------------------------------------------------------------------------


def test_the_answer_is_that_of_the_api_reference(federation):
    answer = federation.assume(federation.response(subject="_alice"))
    assert answer["Subject"] == "_alice"
    assert answer["SubjectType"] == "persistent"
    assert answer["Issuer"] == federation.idp.entity_id
    assert answer["Audience"] == SIGN_IN
    assert answer["NameQualifier"] == name_qualifier(federation.idp.entity_id, "Example")
    assert "PackedPolicySize" not in answer
    assert "SourceIdentity" not in answer
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/federated/alice@example.com"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    assert identity(federation, answer)["Arn"] == arn
    expires = answer["Credentials"]["Expiration"].timestamp()
    assert expires == int(federation.node.now) + 3600


@pytest.mark.parametrize(
    ("name_format", "shown"),
    [
        ("urn:oasis:names:tc:SAML:2.0:nameid-format:transient", "transient"),
        (
            "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        ),
    ],
)
def test_only_the_prefix_of_saml_2_is_taken_from_the_subjects_type(federation, name_format, shown):
    answer = federation.assume(federation.response(name_format=name_format))
    assert answer["SubjectType"] == shown


@pytest.mark.parametrize(("assertion", "response"), [(True, False), (False, True), (True, True)])
def test_the_assertion_or_the_response_or_both_are_signed(federation, assertion, response):
    signed = federation.response(sign_assertion=assertion, sign_response=response)
    assert federation.assume(signed)


@pytest.mark.parametrize("bits", ["256", "384", "512"])
@pytest.mark.parametrize("curve", [False, True])
def test_signatures_of_rsa_and_curves_with_sha_2(node, tmp_path, curve, bits):
    federation = Federation(node, IdentityProvider(tmp_path / "idp", curve=curve))
    digests = {
        "256": "04/xmlenc#sha256",
        "384": "04/xmldsig-more#sha384",
        "512": "04/xmlenc#sha512",
    }
    signed = federation.response(
        method=f"http://www.w3.org/2001/04/xmldsig-more#rsa-sha{bits}",
        digest=f"http://www.w3.org/2001/{digests[bits]}",
    )
    assert federation.assume(signed)


def test_every_endpoint_of_aws_and_our_own_may_have_received_it(federation):
    provider = federation.node.client("iam").get_saml_provider(SAMLProviderArn=federation.provider)
    number = provider["SAMLProviderUUID"]
    regional = f"https://{REGION}.signin.aws.amazon.com/saml"
    own = f"{federation.node.node.issuer_base}/_daypass/saml"
    for endpoint in (SIGN_IN, regional, f"{regional}/acs/{number}", own):
        answer = federation.assume(federation.response(recipient=endpoint, audience=endpoint))
        assert answer["Audience"] == endpoint
    assert federation.assume(federation.response(audience="urn:amazon:webservices"))


def test_the_pair_of_role_and_provider_comes_in_either_order_among_others(federation):
    other = "arn:aws:iam::999999999999:role/x,arn:aws:iam::999999999999:saml-provider/Example"
    for pair in (
        f"{federation.role},{federation.provider}",
        f" {federation.provider} , {federation.role} ",
    ):
        attributes = {**federation.attributes(), f"{AWS}Role": [other, pair]}
        assert federation.assume(federation.response(attributes))


def test_a_provider_with_several_keys_takes_each_and_another_after_an_update(node, tmp_path):
    federation = Federation(node, IdentityProvider(tmp_path / "idp"))
    old = federation.response()
    before = federation.idp.metadata()
    key, certificate = federation.idp.new_key()
    federation.idp.key_file.write_bytes(key)
    federation.idp.certificate_file.write_bytes(certificate)
    federation.idp.configure()
    assert federation.refused(federation.response())[0] == "InvalidIdentityToken"
    start = before.index("<ns0:KeyDescriptor")
    descriptor = before[start : before.index("</ns0:KeyDescriptor>") + len("</ns0:KeyDescriptor>")]
    now = federation.idp.metadata()
    both = now.replace("<ns0:KeyDescriptor", f"{descriptor}<ns0:KeyDescriptor", 1)
    iam = node.client("iam")
    iam.update_saml_provider(SAMLProviderArn=federation.provider, SAMLMetadataDocument=both)
    assert federation.assume(old)
    assert federation.assume(federation.response())
    old = federation.idp.response(federation.attributes())
    iam.update_saml_provider(SAMLProviderArn=federation.provider, SAMLMetadataDocument=before)
    assert federation.refused(old) == ("InvalidIdentityToken", "Response signature invalid")


# -- durations -------------------------------------------------------------------------------


def lifetime(federation: Federation, answer: Any) -> int:
    return int(answer["Credentials"]["Expiration"].timestamp()) - int(federation.node.now)


@pytest.mark.parametrize(("asked", "given", "lasts"), [
    (None, "900", 900),
    (None, "43200", 3600),
    (900, "1800", 900),
    (7200, "1800", 1800),
])  # fmt: skip
def test_the_attribute_session_duration_only_shortens(federation, asked, given, lasts):
    federation.node.client("iam").update_role(RoleName="federated", MaxSessionDuration=7200)
    further = {} if asked is None else {"DurationSeconds": asked}
    attributes = federation.attributes(SessionDuration=[given])
    answer = federation.assume(federation.response(attributes), **further)
    assert lifetime(federation, answer) in {lasts - 1, lasts}


@pytest.mark.parametrize("value", ["899", "43201", "1h", "", "-900", "٩٠٠"])
def test_a_session_duration_out_of_bounds_is_refused(federation, value):
    attributes = federation.attributes(SessionDuration=[value])
    code, message = federation.refused(federation.response(attributes))
    assert code == "InvalidIdentityToken"
    assert "SessionDuration" in message


def test_more_than_the_role_allows_is_refused(federation):
    assert federation.refused(federation.response(), DurationSeconds=3601) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )


@pytest.mark.parametrize("duration", [899, 43201])
def test_durations_no_role_has_are_refused_by_the_model(federation, duration):
    code, message = federation.refused(federation.response(), DurationSeconds=duration)
    assert code == "ValidationError"
    assert "durationSeconds" in message


def test_the_session_ends_with_the_one_at_the_provider(federation):
    end = int(federation.node.now) + 600

    def end_soon(root: Any) -> None:
        part(root, "./saml:Assertion/saml:AuthnStatement").set("SessionNotOnOrAfter", iso(end))

    answer = federation.assume(federation.response(change=end_soon))
    assert lifetime(federation, answer) in {599, 600}
    late = federation.response(change=end_soon)
    federation.node.now += 600
    assert federation.refused(late)[0] == "ExpiredTokenException"


# -- times -----------------------------------------------------------------------------------


def test_five_minutes_after_its_issue_it_is_over(federation):
    start = int(time.time())

    def fixed(root: Any) -> None:
        part(root, "./saml:Assertion").set("IssueInstant", iso(start))
        for path in (DATA, CONDITIONS):
            part(root, path).set("NotOnOrAfter", iso(start + 3600))

    federation.node.now = start + 299.5
    assert federation.assume(federation.response(change=fixed))
    federation.node.now = start + 300
    assert federation.refused(federation.response(change=fixed)) == TOO_OLD


def test_clocks_may_differ_by_a_minute(federation):
    now = int(federation.node.now)

    def issued(offset: int) -> str:
        def change(root: Any) -> None:
            part(root, "./saml:Assertion").set("IssueInstant", iso(now + offset))
            part(root, CONDITIONS).set("NotBefore", iso(now + offset))

        return federation.response(change=change)

    federation.node.now = now
    assert federation.assume(issued(60))
    assert federation.refused(issued(61)) == (
        "InvalidIdentityToken",
        "The assertion was issued in the future",
    )


@pytest.mark.parametrize("path", [DATA, CONDITIONS])
def test_what_is_over_or_not_yet_is_refused(federation, path):
    now = int(federation.node.now)
    federation.node.now = now

    def set_to(name: str, moment: float) -> str:
        return federation.response(change=lambda root: part(root, path).set(name, iso(moment)))

    assert federation.assume(set_to("NotOnOrAfter", now - 59))
    assert federation.refused(set_to("NotOnOrAfter", now - 60))[0] == "ExpiredTokenException"
    assert federation.assume(set_to("NotBefore", now + 60))
    assert federation.refused(set_to("NotBefore", now + 61))[0] == "InvalidIdentityToken"


@pytest.mark.parametrize("moment", ["", "now", "2030-01-01", "2030-01-01T00:00:00", "2030-W01-1"])
def test_what_is_no_time_is_refused(federation, moment):
    response = federation.response(change=lambda root: part(root, DATA).set("NotOnOrAfter", moment))
    assert federation.refused(response)[0] == "InvalidIdentityToken"


def test_a_certificate_that_is_over_signs_nothing(node, tmp_path):
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    federation = Federation(node, IdentityProvider(tmp_path / "idp", not_after=end))
    assert federation.assume(federation.response())

    def later(root: Any) -> None:
        part(root, "./saml:Assertion").set("IssueInstant", iso(node.now))
        for path in (DATA, CONDITIONS):
            part(root, path).set("NotOnOrAfter", iso(node.now + 300))

    node.now += 3700
    refused = federation.refused(federation.response(change=later))
    assert refused == ("InvalidIdentityToken", "Response signature invalid")


# -- errors in AWS's words -------------------------------------------------------------------


def test_no_such_provider(federation):
    arn = f"{federation.provider}s"
    assert federation.refused(federation.response(), PrincipalArn=arn) == (
        "InvalidIdentityToken",
        "Specified provider doesn't exist",
    )


def test_a_deleted_provider_vouches_for_nobody(federation):
    response = federation.response()
    federation.node.client("iam").delete_saml_provider(SAMLProviderArn=federation.provider)
    assert federation.refused(response)[1] == "Specified provider doesn't exist"


def test_no_base64(federation):
    assert federation.refused("", SAMLAssertion="!!!!") == (
        "InvalidIdentityToken",
        "Invalid base64 SAMLResponse",
    )


def test_base64_in_lines_is_taken(federation):
    lines = base64.encodebytes(federation.response().encode()).decode()
    assert federation.assume("", SAMLAssertion=lines)


def test_another_issuer(federation, tmp_path):
    other = IdentityProvider(tmp_path / "other", "https://other.example.com/saml")
    assert federation.refused(other.response(federation.attributes())) == (
        "InvalidIdentityToken",
        "Issuer not present in specified provider",
    )


def test_another_provider_with_the_issuers_name(federation, tmp_path):
    other = IdentityProvider(tmp_path / "other", federation.idp.entity_id)
    assert federation.refused(other.response(federation.attributes())) == (
        "InvalidIdentityToken",
        "Response signature invalid",
    )


def test_no_role_of_the_request_in_the_attributes(federation):
    role = federation.new_role("another")
    assert federation.refused(federation.response(), role) == (
        "InvalidIdentityToken",
        "SAML Assertion doesn't contain the requested Role and Metadata in the attributes",
    )


@pytest.mark.parametrize("name", ["a", "x" * 65, "John Doe", "a/b", "a*", "ä" * 5, "", "ab\ncd"])
def test_a_session_name_aws_does_not_take(federation, name):
    response = federation.response(federation.attributes(RoleSessionName=[name]))
    assert federation.refused(response) == (
        "InvalidIdentityToken",
        "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
    )


@pytest.mark.parametrize("name", ["ab", "x" * 64, "a_b+c=d,e.f@g-h"])
def test_a_session_name_aws_takes(federation, name):
    response = federation.response(federation.attributes(RoleSessionName=[name]))
    assert federation.assume(response)["AssumedRoleUser"]["AssumedRoleId"].endswith(f":{name}")


def test_no_session_name(federation):
    attributes = federation.attributes()
    del attributes[f"{AWS}RoleSessionName"]
    assert federation.refused(federation.response(attributes)) == (
        "InvalidIdentityToken",
        "RoleSessionName is required in AuthnResponse",
    )


@pytest.mark.parametrize("value", ["a", "x" * 65, "a b", "aws:root"])
def test_a_source_identity_aws_does_not_take(federation, value):
    response = federation.response(federation.attributes(SourceIdentity=[value]))
    assert federation.refused(response) == (
        "InvalidIdentityToken",
        'Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"',
    )


@pytest.mark.parametrize("missing", ["Recipient", "NotOnOrAfter"])
def test_no_recipient_or_no_end(federation, missing):
    response = federation.response(change=lambda root: part(root, DATA).attrib.pop(missing))
    assert federation.refused(response) == (
        "InvalidIdentityToken",
        "Responses must contain SubjectConfirmatonData with a Recipient and NotOnOrAfter",
    )


def test_another_recipient(federation):
    response = federation.response(recipient="https://evil.example.com/saml")
    assert federation.refused(response)[0] == "InvalidIdentityToken"


def test_another_audience_and_none(federation):
    other = federation.response(audience="https://other.example.com")
    none = federation.response(
        change=lambda root: part(root, CONDITIONS).remove(
            part(root, f"{CONDITIONS}/saml:AudienceRestriction")
        )
    )
    for response in (other, none):
        assert federation.refused(response) == (
            "InvalidIdentityToken",
            "Response does not contain the required audience.",
        )


def test_no_name_of_the_subject(federation):
    response = federation.response(
        change=lambda root: part(root, SUBJECT).remove(part(root, f"{SUBJECT}/saml:NameID"))
    )
    assert federation.refused(response) == NOT_AUTHORIZED


def test_a_failure_at_the_provider(federation):
    failed = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    response = federation.response(
        change=lambda root: part(root, "./samlp:Status/samlp:StatusCode").set("Value", failed)
    )
    assert federation.refused(response)[0] == "IDPRejectedClaim"


def test_an_encrypted_assertion_is_refused_clearly(federation):
    def encrypt(root: Any) -> None:
        assertion = part(root, "./saml:Assertion")
        wrapping = assertion.makeelement(assertion.tag.replace("}", "}Encrypted"))
        assertion.addprevious(wrapping)
        wrapping.append(assertion)

    response = federation.response(sign_assertion=False, change=encrypt)
    code, message = federation.refused(response)
    assert code == "InvalidIdentityToken"
    assert "encrypted" in message


# -- trust policies --------------------------------------------------------------------------


def test_a_role_that_does_not_exist_or_does_not_trust_is_one_answer(federation):
    untrusting = federation.new_role("untrusting", Action="sts:AssumeRole")
    absent = f"arn:aws:iam::{ACCOUNT}:role/absent"
    for role in (untrusting, absent):
        response = federation.response(federation.attributes(role))
        assert federation.refused(response, role) == NOT_AUTHORIZED


def test_every_documented_key_reaches_the_trust_policy(federation):
    oid, claims = "urn:oid:1.3.6.1.4.1.5923.1", "http://schemas.xmlsoap.org/ws/2005/05/identity"
    sent = {
        f"{oid}.1.1.1": ["staff", "faculty"],
        f"{oid}.1.1.6": ["alice@example.com"],
        f"{oid}.2.1.2": ["https://example.com"],
        "urn:oid:2.5.4.3": ["Alice", "Al"],
        f"{claims}/claims/emailaddress": ["alice@example.com"],
        "http://schemas.xmlsoap.org/claims/CommonName": ["Alice A."],
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid": ["S-1-5"],
        "0.9.2342.19200300100.1.1": ["alice"],
        "2.5.4.45": ["x500"],
    }
    condition = {
        "StringEquals": {
            "SAML:aud": SIGN_IN,
            "saml:iss": federation.idp.entity_id,
            "saml:doc": f"{ACCOUNT}/Example",
            "saml:sub": "_alice",
            "saml:sub_type": "persistent",
            "saml:namequalifier": name_qualifier(federation.idp.entity_id, "Example"),
            "saml:eduPersonPrincipalName": "alice@example.com",
            "saml:mail": "alice@example.com",
            "saml:commonName": "Alice A.",
            "saml:primaryGroupSID": "S-1-5",
            "saml:uid": "alice",
            "saml:x500UniqueIdentifier": "x500",
            "sts:RoleSessionName": "alice@example.com",
            "aws:FederatedProvider": federation.provider,
        },
        "ForAllValues:StringEquals": {"saml:eduPersonAffiliation": ["staff", "faculty"]},
        "ForAnyValue:StringEquals": {
            "saml:cn": "Al",
            "saml:eduOrgHomePageURI": "https://example.com",
        },
    }
    role = federation.new_role("keys", Condition=condition)
    attributes = {**federation.attributes(role), **sent}
    assert federation.assume(federation.response(attributes, subject="_alice"), role)
    for name in sent:
        if name.endswith(("1.1.1.1", "claims/primarygroupsid")):
            continue
        without = {key: value for key, value in attributes.items() if key != name}
        assert federation.refused(federation.response(without, subject="_alice"), role) == (
            NOT_AUTHORIZED
        ), name
    without = {key: value for key, value in attributes.items() if "primarygroup" not in key}
    assert federation.refused(federation.response(without, subject="_alice"), role)
    attributes[f"{oid}.1.1.1"] = ["staff", "student"]
    assert federation.refused(federation.response(attributes, subject="_alice"), role)


def test_tags_need_the_permission_to_tag_and_are_the_sessions(federation):
    tags = {
        "PrincipalTag:Project": ["Marketing"],
        "PrincipalTag:CostCenter": ["12345"],
        "TransitiveTagKeys": ["project"],
    }
    untagging = federation.new_role("untagging", Action="sts:AssumeRoleWithSAML")
    response = federation.response(federation.attributes(untagging, **tags))
    refused = federation.refused(response, untagging)
    assert refused == ("AccessDenied", "Not authorized to perform sts:TagSession")
    role = federation.new_role(
        "tagging",
        policy=allow("iam:ListUsers", Condition={"StringEquals": {
            "aws:PrincipalTag/project": "Marketing", "aws:PrincipalTag/CostCenter": "12345",
        }}),
        Condition={"StringEquals": {"aws:RequestTag/Project": "Marketing"},
                   "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["Project"]}},
    )  # fmt: skip
    answer = federation.assume(federation.response(federation.attributes(role, **tags)), role)
    assert 0 < answer["PackedPolicySize"] <= 100
    assert federation.node.client("iam", session_credentials(answer)).list_users()


@pytest.mark.parametrize(
    "tags",
    [
        {"PrincipalTag:aws:x": ["v"]},
        {"PrincipalTag:": ["v"]},
        {f"PrincipalTag:{'k' * 129}": ["v"]},
        {"PrincipalTag:k": ["v" * 257]},
        {"PrincipalTag:k": ["a", "b"]},
        {"PrincipalTag:k": ["*?<"]},
        {"PrincipalTag:k": ["v"], "PrincipalTag:K": ["w"]},
        {"TransitiveTagKeys": ["absent"]},
        {f"PrincipalTag:k{number}": ["v"] for number in range(51)},
    ],
)
def test_tags_no_session_may_have_are_refused(federation, tags):
    response = federation.response(federation.attributes(**tags))
    assert federation.refused(response)[0] == "IDPRejectedClaim"


def test_the_source_identity_needs_its_permission_and_stays(federation):
    plain = federation.new_role("plain", Action="sts:AssumeRoleWithSAML")
    response = federation.response(federation.attributes(plain, SourceIdentity=["alice"]))
    refused = federation.refused(response, plain)
    assert refused == ("AccessDenied", "Not authorized to perform sts:SetSourceIdentity")
    policy = allow("iam:ListUsers", Condition={"StringEquals": {"aws:SourceIdentity": "alice"}})
    role = federation.new_role("sourced", policy=policy)
    response = federation.response(federation.attributes(role, SourceIdentity=["alice"]))
    answer = federation.assume(response, role)
    assert answer["SourceIdentity"] == "alice"
    assert federation.node.client("iam", session_credentials(answer)).list_users()


def test_a_session_policy_narrows(federation):
    role = federation.new_role("narrowed", policy=allow("iam:*"))
    response = federation.response(federation.attributes(role))
    answer = federation.assume(response, role, Policy=allow("iam:ListRoles"))
    assert "PackedPolicySize" in answer
    iam = federation.node.client("iam", session_credentials(answer))
    assert iam.list_roles()
    with pytest.raises(ClientError, match="no session policy allows"):
        iam.list_users()


def test_of_the_keys_the_session_keeps_the_three_that_aws_documents(federation):
    attributes = {"0.9.2342.19200300100.1.1": ["alice"]}
    for name, condition, kept in (
        ("sub", {"StringEquals": {"saml:sub": "_alice", "saml:sub_type": "persistent"}}, True),
        ("provider", {"StringEquals": {"aws:FederatedProvider": federation.provider}}, True),
        ("uid", {"StringEquals": {"saml:uid": "alice"}}, False),
        ("aud", {"StringEquals": {"saml:aud": SIGN_IN}}, False),
    ):
        role = federation.new_role(name, policy=allow("iam:ListUsers", Condition=condition))
        sent = {**federation.attributes(role), **attributes}
        answer = federation.assume(federation.response(sent, subject="_alice"), role)
        iam = federation.node.client("iam", session_credentials(answer))
        if kept:
            assert iam.list_users()
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                iam.list_users()


def test_a_chained_session_may_not_use_the_restricted_operations(federation):
    answer = federation.assume(federation.response())
    sts = federation.node.client("sts", session_credentials(answer))
    for operation in (sts.get_session_token, lambda: sts.get_federation_token(Name="bob")):
        with pytest.raises(ClientError, match="AccessDenied"):
            operation()
