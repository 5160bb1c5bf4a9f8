"""The story's first seven steps: what temporary credentials open."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from daypass.cli.demo.scenery import (
    BUCKET,
    KEYS,
    allow,
    assume,
    done,
    invoke,
    make_function,
    make_role,
    node_package,
    package,
    reading_the_bucket,
    role_arn,
    same_keys,
    text_at,
    trusts,
)
from daypass.cli.demo.stage import Show, Stage, UnexpectedError
from daypass.sigv4 import Credentials

FILESERVER_ROLE: Final = "role-for-s3-fileserver"
CALLER_ROLE: Final = "role-for-callers"
_PYTHON: Final = "python3.12"
_NODE: Final = "nodejs22.x"


@dataclass(slots=True)
class Scene:
    """Who and what is there; a step adds to it what later ones need."""

    alice: Credentials
    alice_arn: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the story: its title, what it is about, and what happens."""

    title: str
    text: str
    act: Callable[[Stage, Scene], None]


def tell(number: int, step: Step, stage: Stage, scene: Scene) -> None:
    """Act a step; what goes wrong in it is a failed check, and the story goes on."""
    stage.screen.step(number, step.title, step.text)
    try:
        step.act(stage, scene)
    except UnexpectedError as error:
        stage.screen.check(str(error), ok=False)


# -- the scene -------------------------------------------------------------------------------------


def set_the_scene(stage: Stage) -> Scene:
    """The root user makes a user and a bucket with two objects."""
    root = stage.root
    with stage.screen.busy("Making a user and a bucket with the AWS CLI"):
        made = done(
            stage.aws("iam", "create-user", "--user-name", "alice", who=root, show=Show.NOTHING)
        )
        key = done(
            stage.aws(
                "iam", "create-access-key", "--user-name", "alice", who=root, show=Show.NOTHING
            )
        )
        done(stage.aws("s3", "mb", f"s3://{BUCKET}", who=root, show=Show.NOTHING))
        for name in KEYS:
            path = stage.work / Path(name).name
            path.write_text(f"This is {name}.\n", encoding="utf-8")
            done(
                stage.aws(
                    "s3", "cp", str(path), f"s3://{BUCKET}/{name}", who=root, show=Show.NOTHING
                )
            )
    arn = text_at(made, "User", "Arn")
    stage.screen.scene(
        "The scene",
        {
            "Server": f"{stage.endpoint}, account {stage.account_id}, region {stage.region}",
            "User": f"{arn}, who may do nothing",
            "Bucket": f"s3://{BUCKET} with {', '.join(KEYS)}",
        },
    )
    alice = Credentials(
        text_at(key, "AccessKey", "AccessKeyId"), text_at(key, "AccessKey", "SecretAccessKey")
    )
    stage.names[alice.access_key_id] = "alice"
    return Scene(alice, arn)


# -- the steps -------------------------------------------------------------------------------------


def _user_assumes_role(stage: Stage, scene: Scene) -> None:
    make_role(stage, FILESERVER_ROLE, trusts(AWS=scene.alice_arn), reading_the_bucket())
    refused = stage.aws("s3api", "list-objects-v2", "--bucket", BUCKET, who=scene.alice)
    stage.screen.check("alice herself may not list the bucket", not refused.ok)
    session = assume(stage, scene.alice, FILESERVER_ROLE, "alice")
    stage.screen.check(
        "temporary credentials: an ASIA… key and a session token",
        session.access_key_id.startswith("ASIA") and bool(session.session_token),
    )
    listed = stage.aws(
        *("s3api", "list-objects-v2", "--bucket", BUCKET, "--query", "Contents[].Key"), who=session
    )
    stage.screen.check("the role's session lists the bucket", same_keys(listed.text))


def _function_assumes_role(stage: Stage, _scene: Scene) -> None:
    execution = make_role(stage, "role-of-lambda-for-sts", trusts(Service="lambda.amazonaws.com"))
    functions = {"lambda-for-sts": package(stage, "functions/lambda_for_sts.py")}
    if stage.node_modules is not None:
        functions["lambda-for-sts-js"] = node_package(stage, "lambda-for-sts.mjs")
    sessions = [
        f"arn:aws:sts::{stage.account_id}:assumed-role/role-of-lambda-for-sts/{name}"
        for name in functions
    ]
    wanted = make_role(stage, "role-for-lambda", trusts(AWS=sessions), reading_the_bucket())
    for name, code in functions.items():
        runtime = _NODE if name.endswith("-js") else _PYTHON
        handler = "lambda-for-sts.handler" if name.endswith("-js") else "lambda_for_sts.handler"
        make_function(stage, name, code, runtime, handler, execution, ROLE_ARN=wanted)
        answer = invoke(stage, name)
        became = f"arn:aws:sts::{stage.account_id}:assumed-role/role-for-lambda/{name}"
        stage.screen.check(
            f"{name}, in its own session, became {became.rpartition(':')[2]} and read the bucket",
            answer.get("i_became") == became and answer.get("keys") == KEYS,
        )


def _function_behind_url(stage: Stage, scene: Scene) -> None:
    file = str(stage.examples / "functions" / "behind_url.py")
    deployed = stage.daypass("deploy", file, "--url", "iam", "--output", "json", who=stage.root)
    scene.url = text_at(done(deployed), "Url")
    path = urlsplit(scene.url).path
    unsigned = stage.send(path, None, "lambda", note="without a signature")
    stage.screen.check(
        "refused without a signature", unsigned.status == 403 and "Forbidden" in unsigned.text
    )
    wrong = Credentials(scene.alice.access_key_id, "wrong" * 8)
    forged = stage.send(path, wrong, "lambda", note="signed with a wrong secret access key")
    stage.screen.check(
        "refused with a wrong signature", forged.status == 403 and "signature" in forged.text
    )
    calling = allow(["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "*")
    role = make_role(stage, CALLER_ROLE, trusts(AWS=scene.alice_arn), calling)
    served = stage.daypass("call", scene.url + "hello", "--role", role, who=scene.alice)
    stage.screen.check(
        "served with temporary credentials, and the function knows to whom",
        served.ok and f":assumed-role/{CALLER_ROLE}/daypass" in served.text,
    )


def _function_signs_by_hand(stage: Stage, _scene: Scene) -> None:
    role = make_role(
        stage, "role-of-listers", trusts(Service="lambda.amazonaws.com"), reading_the_bucket()
    )
    _list_with_function(stage, "list-bucket-signed-by-hand", role)


def _function_uses_boto3(stage: Stage, _scene: Scene) -> None:
    _list_with_function(stage, "list-bucket-boto3", role_arn(stage, "role-of-listers"))


def _list_with_function(stage: Stage, name: str, role: str) -> None:
    module = name.replace("-", "_")
    code = package(stage, f"functions/{module}.py")
    make_function(stage, name, code, _PYTHON, f"{module}.handler", role)
    keys = invoke(stage, name).get("keys")
    stage.screen.check(f"{name} listed the bucket", keys == KEYS)


def _clients_list_bucket(stage: Stage, scene: Scene) -> None:
    role = role_arn(stage, FILESERVER_ROLE)
    answer = stage.python("clients/list_bucket.py", role, BUCKET, who=scene.alice)
    stage.screen.check("the Python program listed it", answer.ok and answer.json()["keys"] == KEYS)
    if stage.node_modules is not None:
        answer = stage.node("list-bucket.mjs", role, BUCKET, who=scene.alice)
        stage.screen.check(
            "the Node.js program listed it", answer.ok and answer.json()["keys"] == KEYS
        )


def _clients_call_url(stage: Stage, scene: Scene) -> None:
    if not scene.url:
        raise UnexpectedError("there is no Function URL to call")
    role = role_arn(stage, CALLER_ROLE)
    answer = stage.python("clients/call_function_url.py", role, scene.url, who=scene.alice)
    stage.screen.check("the Python program was served", answer.ok and CALLER_ROLE in answer.text)
    if stage.node_modules is not None:
        answer = stage.node("call-function-url.mjs", role, scene.url, who=scene.alice)
        stage.screen.check(
            "the Node.js program was served", answer.ok and CALLER_ROLE in answer.text
        )


STORY: Final = (
    Step(
        "A user assumes a role",
        "The role's trust policy names the user; its own policy lets it read the bucket.",
        _user_assumes_role,
    ),
    Step(
        "A function assumes a role from inside",
        "The role trusts one session alone: that of the function, in its execution role.",
        _function_assumes_role,
    ),
    Step(
        "A function behind a URL",
        "AuthType AWS_IAM: only signed requests of callers with permission reach the function.",
        _function_behind_url,
    ),
    Step(
        "A function lists the bucket, signing by hand",
        "Signature Version 4 from hashlib and hmac, with the session token of its environment.",
        _function_signs_by_hand,
    ),
    Step(
        "A function lists the bucket with boto3",
        "The SDK finds the execution role's credentials by itself.",
        _function_uses_boto3,
    ),
    Step(
        "Programs of their own list the bucket",
        "They assume the role as alice: boto3, and the AWS SDK for JavaScript v3.",
        _clients_list_bucket,
    ),
    Step(
        "Programs of their own call the Function URL",
        "They assume the callers' role and sign: daypass.Auth, and @smithy/signature-v4.",
        _clients_call_url,
    ),
)
