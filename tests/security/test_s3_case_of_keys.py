"""Attack 87: keys are case-sensitive in policies, as they are in buckets."""

import pytest

from tests.conftest import Server
from tests.security.s3_world import a_bucket, a_user, allow, code_of


@pytest.mark.parametrize("key", ["Public/x", "PUBLIC/x", "public/X", "ｐublic/x"])
def test_a_right_to_one_spelling_is_none_to_another(server: Server, key: str) -> None:
    with a_bucket(server) as bucket:
        bucket.put("public/x", key)
        with a_user(server, allow("s3:GetObject", f"{bucket.arn}/public/x")) as user:
            assert user.s3.get_object(Bucket=bucket.name, Key="public/x")["Body"].read()
            assert code_of(user.s3.get_object, Bucket=bucket.name, Key=key) == "AccessDenied"


def test_the_name_of_an_action_is_not_case_sensitive(server: Server) -> None:
    with a_bucket(server) as bucket:
        bucket.put("x")
        with a_user(server, allow("S3:getobject", f"{bucket.arn}/x")) as user:
            assert user.s3.get_object(Bucket=bucket.name, Key="x")["Body"].read() == b"x"


def test_a_key_s_own_star_is_no_wildcard(server: Server) -> None:
    with a_bucket(server) as bucket:
        bucket.put("*", "a*", "ab")
        with a_user(server, allow("s3:GetObject", f"{bucket.arn}/ab")) as user:
            for key in ("*", "a*"):
                assert code_of(user.s3.get_object, Bucket=bucket.name, Key=key) == "AccessDenied"
