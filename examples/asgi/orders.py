"""A Starlette application whose callers sign each request with temporary credentials it issued:

    ORDERS_SECRET=$(openssl rand -hex 32) ORDERS_KEY=let-me-in uvicorn orders:app

`POST /sessions` gives credentials to whoever knows ORDERS_KEY: put your own login there.
Everything under /orders is reached only with a signature. Nothing is stored.
"""

import hmac
import os

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from daypass.asgi import Sessions, SigV4Middleware

sessions = Sessions.of(bytes.fromhex(os.environ["ORDERS_SECRET"]))


async def log_in(request):
    given = request.headers.get("x-key", "")
    if not hmac.compare_digest(given.encode(), os.environ["ORDERS_KEY"].encode()):
        return JSONResponse({"message": "Wrong key."}, 401)
    credentials = sessions.issue(request.query_params.get("name", "somebody"), duration=900)
    return JSONResponse(
        {
            "Version": 1,
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
        }
    )


async def place_order(request):
    caller = request["daypass.caller"]
    return JSONResponse({"by": caller.identity.session_name, "order": await request.json()})


# The guard, and what it guards.
orders = SigV4Middleware(
    Starlette(routes=[Route("/{id}", place_order, methods=["PUT"])]),
    lookup=sessions,
    service="orders",
    region="eu-central-1",
)

app = Starlette(routes=[Route("/sessions", log_in, methods=["POST"]), Mount("/orders", orders)])
