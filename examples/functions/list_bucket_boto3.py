"""A function that lists a bucket. Its credentials come from its environment, where Lambda puts
those of its execution role: there is no code for authentication."""

import os

import boto3

s3 = boto3.client("s3")


def handler(_event, _context):
    found = s3.list_objects_v2(Bucket=os.environ["BUCKET"])
    return {"keys": [item["Key"] for item in found.get("Contents", [])]}
