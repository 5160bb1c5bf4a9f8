"""AWS-style temporary credentials for any ASGI application: issued, and verified on each request.

app.add_middleware(SigV4Middleware, lookup=Sessions(keys), service="orders", region="eu-west-1")
"""

from daypass.asgi.holders import Holder, Lookup, Sessions
from daypass.asgi.middleware import Caller, SigV4Middleware

__all__ = ["Caller", "Holder", "Lookup", "Sessions", "SigV4Middleware"]
