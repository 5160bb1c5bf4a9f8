"""Policy documents, written short."""

import json


def document(*statements, version="2012-10-17"):
    return json.dumps({"Version": version, "Statement": list(statements)}, indent=2)


def allow(action, resource="*", effect="Allow", **elements):
    return {"Effect": effect, "Action": action, "Resource": resource, **elements}


def trust(principal):
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
