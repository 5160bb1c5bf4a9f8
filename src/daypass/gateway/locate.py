"""Which service a request is for, found from its Host, its path, and the scope it was signed for.

The scope is a hint of the sender's: it chooses among services, and the signature is then verified
for the service it chose. A Host that names a service decides by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from daypass.gateway.operation import Service
from daypass.protocol.message import Request

# The second has the names of endpoints that speak IPv6 too.
_AWS = (".amazonaws.com", ".api.aws")
_URL_LABEL = ".lambda-url."


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one node. urls: the data plane of Function URLs. by_scope: all others.

    url_hosts: host names that the operator gave to Function URLs, each with the URL's id.
    """

    by_scope: Mapping[str, Service]
    urls: Service
    url_hosts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """The service, and the path as its codec expects it: with the bucket or URL id in front."""

    service: Service
    path: str


def locate(services: Services, request: Request) -> Target:
    """The target of a request; S3 where nothing says otherwise, as in AWS's own emulators."""
    path = request.path
    host = _host_name(request.headers.get("host", ""))
    if _URL_LABEL in host and host.endswith((".on.aws", ".localhost")):
        return Target(services.urls, f"/{host[: host.index(_URL_LABEL)]}{path}")
    if host in services.url_hosts:
        return Target(services.urls, f"/{services.url_hosts[host]}{path}")
    if host.endswith(_AWS):
        return _locate_at_aws(services, host.rpartition(".")[0].rpartition(".")[0], path)
    # Under a host of its own a bucket may hold keys of these names; no bucket's name begins so.
    if path.startswith("/_") and not host.endswith(".localhost"):
        if path.startswith("/_urls/"):
            return Target(services.urls, path[len("/_urls") :])
        if path.startswith("/_daypass/"):
            return Target(services.by_scope["daypass"], path)
    service = services.by_scope.get(_scope_service(request) or _guess(request))
    if service is None:
        service = services.by_scope["s3"]
    if service.name == "s3" and host.endswith(".localhost"):
        return Target(service, _with_bucket(host[: -len(".localhost")].removesuffix(".s3"), path))
    return Target(service, path)


def _locate_at_aws(services: Services, host: str, path: str) -> Target:
    """host: what stands before AWS's domain: "sts", "lambda.us-east-1", "bucket.s3"."""
    labels = host.split(".")
    # A bucket's name may hold dots, and "s3" too, or be that of a service: S3's own label is the
    # last one that fits.
    for index in range(len(labels) - 1, -1, -1):
        if labels[index] == "s3" or labels[index].startswith("s3-"):
            return Target(services.by_scope["s3"], _with_bucket(".".join(labels[:index]), path))
    return Target(services.by_scope.get(labels[0], services.by_scope["s3"]), path)


def _with_bucket(bucket: str, path: str) -> str:
    return f"/{bucket}{path}" if bucket and bucket != "s3" else path


@lru_cache(maxsize=1024)
def _host_name(host: str) -> str:
    """The name in a Host header, lower-case, without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def _scope_service(request: Request) -> str:
    """The service in the credential scope of an Authorization header or query, "" if none."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        credential = authorization.partition("Credential=")[2].partition(",")[0]
        parts = credential.split("/")
    else:
        credential = request.query.partition("X-Amz-Credential=")[2].partition("&")[0]
        parts = credential.replace("%2F", "/").replace("%2f", "/").split("/")
    return parts[-2].strip() if len(parts) >= 5 else ""


def _guess(request: Request) -> str:
    """The service whose error an unsigned request to a bare host is answered with."""
    content_type = request.headers.get("content-type", "")
    if request.path == "/" and (
        (request.method == "POST" and content_type.startswith("application/x-www-form-urlencoded"))
        or "Action=" in request.query
    ):
        return "iam" if "Version=2010-05-08" in request.query else "sts"
    if request.path == "/" and request.headers.get("x-amz-target", "").startswith("Logs_"):
        return "logs"
    # Lambda's paths begin with the version of the operation: /2015-03-31/functions.
    stem = request.path[1:11]
    if len(stem) == 10 and stem[4] == stem[7] == "-" and stem.replace("-", "").isdigit():
        return "lambda"
    return "s3"
