"""A program of its own that assumes a role and lists a bucket: list_bucket.py ROLE_ARN BUCKET

Its own credentials, and the endpoint, come from where every AWS tool looks (AWS_ACCESS_KEY_ID
and so on, AWS_ENDPOINT_URL).
"""

import json
import sys

import boto3


def main(role_arn, bucket):
    answer = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="list-bucket-py")
    temporary = answer["Credentials"]
    session = boto3.Session(
        aws_access_key_id=temporary["AccessKeyId"],
        aws_secret_access_key=temporary["SecretAccessKey"],
        aws_session_token=temporary["SessionToken"],
    )
    found = session.client("s3").list_objects_v2(Bucket=bucket)
    keys = [item["Key"] for item in found.get("Contents", [])]
    print(json.dumps({"as": answer["AssumedRoleUser"]["Arn"], "keys": keys}))


if __name__ == "__main__":
    main(*sys.argv[1:])
