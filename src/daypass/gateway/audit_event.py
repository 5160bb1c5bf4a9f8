"""One request as the audit trail has it: CloudTrail's event, put together from ready pieces.

The members are those of "CloudTrail record contents" (AWS CloudTrail User Guide). Where a session
was issued, `additionalEventData.session` says what the list of sessions needs of it.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from daypass.gateway.caller import Caller
from daypass.gateway.node import Node
from daypass.gateway.operation import Call, Effect, Operation, Service
from daypass.policy import PrincipalKind
from daypass.protocol.errors import ServiceError
from daypass.protocol.timestamps import iso8601_seconds
from daypass.tokens import Session

_VERSION: Final = "1.11"
# Characters of a user agent and of an error's message, which clients write or are quoted in.
_LONGEST_TEXT: Final = 1_024
# Characters of parameters and answer together.
_LONGEST_PARTS: Final = 64 * 1_024
# One an access key in use; emptied when full.
_IDENTITIES_KEPT: Final = 8_192
_ENCODE_ANY: Final = json.JSONEncoder(separators=(",", ":")).encode
_NOTHING: Final = '"requestParameters":null,"responseElements":null'
_DATA: Final = (Effect.DATA_READ, Effect.DATA_CHANGE)
_READING: Final = (Effect.READ, Effect.DATA_READ)
_FEDERATED_TYPES: Final = {"saml-provider": "SAMLUser"}


class AuditEvents:
    """Makes the events of one node. It keeps what recurs: identities, and what operations share."""

    __slots__ = ("_frames", "_identities", "_node")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._identities: dict[str, tuple[Caller, str]] = {}
        self._frames: dict[tuple[str, str], tuple[str, str]] = {}

    def success(
        self, service: Service, call: Call, output: Mapping[str, Any] | None, issued: Session | None
    ) -> bytes:
        """The event of what was done. issued: the session whose credentials are in the output."""
        answer = None
        if call.operation.effect is Effect.CHANGE:
            answer = service.codec.record_output(call.operation.name, output) or None
        return self._event(service, call, answer, issued, "")

    def refusal(self, service: Service, call: Call, error: ServiceError) -> bytes:
        """The event of what was asked for and refused, or failed."""
        code, message = _quoted(error.code), _encode(error.message[:_LONGEST_TEXT])
        failed = f',"errorCode":{code},"errorMessage":{message}'
        return self._event(service, call, None, None, failed)

    def _event(
        self,
        service: Service,
        call: Call,
        answer: Mapping[str, Any] | None,
        issued: Session | None,
        failed: str,
    ) -> bytes:
        frame, end = self._frame(service, call.operation)
        asked = service.codec.record_input(call.operation.name, call.input) if call.input else None
        if asked and call.operation.effect in _DATA:
            asked = {name: value for name, value in asked.items() if type(value) in (str, int)}
        content = _NOTHING
        if asked or answer:
            content = _content({"requestParameters": asked, "responseElements": answer}, issued)
        agent = call.request.headers.get("user-agent", "")[:_LONGEST_TEXT]
        # A request is one event: its id names both.
        return (
            f'{{"eventVersion":"{_VERSION}","userIdentity":{self._identity(call.caller)}'
            f',"eventTime":"{iso8601_seconds(call.now)}"{frame},"sourceIPAddress":{_quoted(call.request.client)}'
            f',"userAgent":{_quoted(agent)}{failed},{content}'
            f',"requestID":"{call.request_id}","eventID":"{call.request_id}"{end}'
        ).encode()

    def _frame(self, service: Service, operation: Operation) -> tuple[str, str]:
        key = service.name, operation.name
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = (
                f',"eventSource":"{_source(service.name)}","eventName":"{operation.name}"'
                f',"awsRegion":"{self._node.region}"',
                _end(operation.effect, self._node.account_id),
            )
        return frame

    def _identity(self, caller: Caller) -> str:
        kept = self._identities.get(caller.access_key_id)
        # The principal is made anew when anything about it changes.
        if kept is not None and (
            kept[0].principal is caller.principal and kept[0].session is caller.session
        ):
            return kept[1]
        text = _encode(user_identity(caller))
        if len(self._identities) >= _IDENTITIES_KEPT:
            self._identities.clear()
        self._identities[caller.access_key_id] = caller, text
        return text


def service_event(node: Node, by: str, role_arn: str, issued: Session, now: float) -> bytes:
    """The event of a session that a service of AWS's ("lambda.amazonaws.com") takes for itself."""
    event = {
        "eventVersion": _VERSION,
        "userIdentity": {"type": "AWSService", "invokedBy": by},
        "eventTime": iso8601_seconds(now),
        "eventSource": _source("sts"),
        "eventName": "AssumeRole",
        "awsRegion": node.region,
        "sourceIPAddress": by,
        "userAgent": by,
        "requestParameters": {"roleArn": role_arn, "roleSessionName": issued.session_name},
        "responseElements": {
            "credentials": {
                "accessKeyId": issued.access_key_id,
                "expiration": iso8601_seconds(issued.expires),
            }
        },
        "additionalEventData": {"session": session_details(issued)},
        "requestID": issued.accessor,
        "eventID": issued.accessor,
    }
    return (_encode(event)[:-1] + _end(Effect.CHANGE, node.account_id)).encode()


def user_identity(caller: Caller) -> dict[str, Any]:
    """A caller as CloudTrail's userIdentity element."""
    principal = caller.principal
    if principal.kind is PrincipalKind.ANONYMOUS:
        return {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    if principal.kind is PrincipalKind.FEDERATED:
        return _external_identity(caller)
    identity: dict[str, Any] = {
        "type": _TYPES[principal.kind],
        "principalId": str(caller.context.get("aws:userid", principal.unique_id)),
        "arn": principal.arn,
        "accountId": principal.account,
        "accessKeyId": caller.access_key_id,
    }
    user_name = caller.context.get("aws:username")
    if user_name:
        identity["userName"] = user_name
    if caller.session is not None:
        identity["sessionContext"] = _session_context(caller, caller.session)
    return identity


_TYPES: Final = {
    PrincipalKind.ROOT: "Root",
    PrincipalKind.USER: "IAMUser",
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.FEDERATED_USER: "FederatedUser",
}


def _external_identity(caller: Caller) -> dict[str, Any]:
    external = caller.external
    assert external is not None
    kind = external.provider.rpartition(":")[2].partition("/")[0]
    return {
        "type": _FEDERATED_TYPES.get(kind, "WebIdentityUser"),
        "principalId": f"{external.provider}:{external.audience}:{external.subject}",
        "userName": external.subject,
        "identityProvider": external.provider,
    }


def _session_context(caller: Caller, session: Session) -> dict[str, Any]:
    principal = caller.principal
    context: dict[str, Any] = {
        "attributes": {
            "creationDate": iso8601_seconds(session.issued),
            "mfaAuthenticated": "true" if session.mfa else "false",
        }
    }
    if principal.kind is PrincipalKind.ROLE_SESSION:
        context["sessionIssuer"] = {
            "type": "Role",
            "principalId": principal.unique_id,
            "arn": principal.role_arn,
            "accountId": principal.account,
            "userName": session.subject_name,
        }
    elif principal.kind is PrincipalKind.FEDERATED_USER:
        context["sessionIssuer"] = {
            "type": "IAMUser",
            "principalId": principal.user_id,
            "arn": principal.user_arn,
            "accountId": principal.account,
            "userName": session.subject_name,
        }
    if session.source_identity:
        context["sourceIdentity"] = session.source_identity
    # Not CloudTrail's: by this name the session is found and revoked.
    context["accessor"] = session.accessor
    return context


def session_details(session: Session) -> dict[str, Any]:
    """A session without its secrets, and without what is empty. The list of sessions reads it."""
    details = {
        "accessor": session.accessor,
        "accessKeyId": session.access_key_id,
        "kind": session.kind,
        "subjectId": session.subject_id,
        "subjectName": session.subject_name,
        "sessionName": session.session_name,
        "issued": session.issued,
        "expires": session.expires,
        "parents": [[one.accessor, one.subject_id, one.issued] for one in session.parents],
        "provider": session.provider,
        "sourceIdentity": session.source_identity,
        "tags": session.tags,
        "transitiveTags": session.transitive_tags,
        "mfa": session.mfa,
    }
    return {name: value for name, value in details.items() if value}


def _source(service: str) -> str:
    return "daypass" if service == "daypass" else f"{service}.amazonaws.com"


def _end(effect: Effect, account_id: str) -> str:
    data = effect in _DATA
    return (
        f',"readOnly":{"true" if effect in _READING else "false"},"eventType":"AwsApiCall"'
        f',"managementEvent":{"false" if data else "true"},"recipientAccountId":"{account_id}"'
        f',"eventCategory":"{"Data" if data else "Management"}"}}'
    )


def _content(parts: dict[str, Any], issued: Session | None) -> str:
    """The members that say what was asked and answered, without what is too large."""
    if issued is not None:
        parts["additionalEventData"] = {"session": session_details(issued)}
    text = _encode(parts)
    if len(text) > _LONGEST_PARTS:
        parts["requestParameters"] = {"omitted": True, "originalSize": len(text)}
        parts["responseElements"] = None
        text = _encode(parts)
    return text[1:-1]


def _encode(value: Any) -> str:
    """A value as JSON, without blanks, in ASCII."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:
        # It refuses half a surrogate pair, and integers beyond 64 bits.
        return _ENCODE_ANY(value)
    # INVARIANT: what a client wrote stands escaped in the trail. As it came, it would write on the
    # terminal of whoever reads the lines, and end a line for readers that know Unicode's line ends.
    return text if text.isascii() else _ENCODE_ANY(value)


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    return _encode(text)
