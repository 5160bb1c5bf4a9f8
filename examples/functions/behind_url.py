"""A function behind a Function URL with AuthType AWS_IAM. Only verified callers get here, and
the event says who they are."""

import json


def handler(event, _context):
    caller = event["requestContext"]["authorizer"]["iam"]
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"hello": caller["userArn"], "path": event["rawPath"]}),
    }
