"""A function whose execution role may assume another role, and does so from inside.

The trusted principal of that other role is this function's own session:
arn:aws:sts::ACCOUNT:assumed-role/EXECUTION-ROLE/FUNCTION-NAME.
"""

import os

import boto3


def handler(_event, context):
    sts = boto3.client("sts")
    me = sts.get_caller_identity()["Arn"]
    answer = sts.assume_role(RoleArn=os.environ["ROLE_ARN"], RoleSessionName=context.function_name)
    temporary = answer["Credentials"]
    session = boto3.Session(
        aws_access_key_id=temporary["AccessKeyId"],
        aws_secret_access_key=temporary["SecretAccessKey"],
        aws_session_token=temporary["SessionToken"],
    )
    found = session.client("s3").list_objects_v2(Bucket=os.environ["BUCKET"])
    return {
        "i_am": me,
        "i_became": answer["AssumedRoleUser"]["Arn"],
        "until": temporary["Expiration"].isoformat(),
        "keys": [item["Key"] for item in found.get("Contents", [])],
    }
