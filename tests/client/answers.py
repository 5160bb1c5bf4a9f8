"""Answers of STS as the AWS STS API reference has them, for the `Recorder`."""

from tests.client.wire import Reply

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def assumed(key="ASIAFROMSTS", expiration="2100-01-01T00:00:00Z", operation="AssumeRole"):
    """A role's session."""
    return _reply(
        operation,
        f"{_credentials(key, expiration)}<AssumedRoleUser>"
        "<AssumedRoleId>AROA123EXAMPLE123:TestAR</AssumedRoleId>"
        "<Arn>arn:aws:sts::123456789012:assumed-role/demo/TestAR</Arn></AssumedRoleUser>"
        "<PackedPolicySize>6</PackedPolicySize>",
    )


def session_token(key="ASIAFROMMFA", expiration="2100-01-01T00:00:00Z"):
    return _reply("GetSessionToken", _credentials(key, expiration))


def caller(arn):
    account = arn.split(":")[4]
    result = f"<Arn>{arn}</Arn><UserId>AROA123EXAMPLE123:x</UserId><Account>{account}</Account>"
    return _reply("GetCallerIdentity", result)


def refused(code, message, status=403):
    body = (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
    return Reply(status, body.encode(), {"content-type": "text/xml"})


def _credentials(key, expiration):
    return (
        f"<Credentials><AccessKeyId>{key}</AccessKeyId>"
        "<SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>"
        f"<SessionToken>token-of-{key}</SessionToken><Expiration>{expiration}</Expiration>"
        "</Credentials>"
    )


def _reply(operation, result):
    body = (
        f'<{operation}Response xmlns="{_NAMESPACE}"><{operation}Result>{result}'
        f"</{operation}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    )
    return Reply(200, body.encode(), {"content-type": "text/xml"})
