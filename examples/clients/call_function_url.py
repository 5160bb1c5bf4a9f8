"""A program of its own that assumes a role and calls a Function URL with AuthType AWS_IAM:
call_function_url.py ROLE_ARN URL

`daypass.Auth` assumes the role, keeps its credentials fresh, and signs each request.
"""

import sys

import httpx

import daypass


def main(role_arn, url):
    with httpx.Client(auth=daypass.Auth(role=role_arn)) as client:
        answer = client.get(url)
        answer.raise_for_status()
        print(answer.text)


if __name__ == "__main__":
    main(*sys.argv[1:])
