"""The story's last step: what is refused, and the explanation of each."""

from typing import Final

from daypass.cli.demo.scenery import BUCKET, KEYS, allow, assume, done
from daypass.cli.demo.stage import Answer, Stage
from daypass.cli.demo.story import FILESERVER_ROLE, Scene, Step
from daypass.sigv4 import Credentials

_LISTING: Final = f"/{BUCKET}?list-type=2"
_OBJECT: Final = f"/{BUCKET}/{KEYS[0]}"
# The shortest session lasts 900 s; an hour and a bit is after all of them.
_LATER: Final = 3700


def _refuse(stage: Stage, scene: Scene) -> None:
    _narrowed(stage, scene)
    session = assume(stage, scene.alice, FILESERVER_ROLE, "short", duration=900)
    _wrong_region(stage, session)
    _revoked(stage, scene)
    _expired(stage, session)


def _narrowed(stage: Stage, scene: Scene) -> None:
    policy = allow(["s3:ListBucket"], f"arn:aws:s3:::{BUCKET}")
    session = assume(stage, scene.alice, FILESERVER_ROLE, "narrowed", policy)
    listed = stage.send(_LISTING, session, "s3", note="the session policy allows s3:ListBucket")
    stage.screen.check("the narrowed session may still list", listed.ok)
    read = stage.send(_OBJECT, session, "s3", note="and only that")
    _check(stage, "the session policy narrows what the role allows", read, 403, "AccessDenied")


def _wrong_region(stage: Stage, session: Credentials) -> None:
    answer = stage.send(
        _LISTING, session, "s3", region="antarctica-1", note="its scope names antarctica-1"
    )
    _check(stage, "a wrong region", answer, 400, "AuthorizationHeaderMalformed")


def _revoked(stage: Stage, scene: Scene) -> None:
    session = assume(stage, scene.alice, FILESERVER_ROLE, "to-be-revoked")
    key = ("--access-key-id", session.access_key_id)
    done(stage.daypass("sessions", "revoke", *key, "--output", "json", who=stage.root))
    answer = stage.send(_LISTING, session, "s3", note="with the revoked session")
    _check(stage, "a revoked session", answer, 400, "InvalidToken")


def _expired(stage: Stage, session: Credentials) -> None:
    with stage.screen.busy("Starting the server again, an hour later by its clock"):
        stage.restart("--clock-offset", str(_LATER))
    answer = stage.send(
        _LISTING,
        session,
        "s3",
        seconds_ahead=_LATER,
        note="signed an hour later, with a session of 15 minutes",
    )
    _check(stage, "an expired session, however well signed", answer, 400, "ExpiredToken")


def _check(stage: Stage, what: str, answer: Answer, status: int, code: str) -> None:
    refused = answer.status == status and f"<Code>{code}</Code>" in answer.text
    stage.screen.check(f"{what}: refused with {code}", refused)
    stage.screen.check("and the refusal is explained", bool(answer.explanation))


REFUSALS: Final = Step(
    "What is refused",
    "Each refusal carries AWS's error, and on this machine Daypass's explanation of it.",
    _refuse,
)
