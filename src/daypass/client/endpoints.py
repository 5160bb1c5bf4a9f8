"""Which service and region a URL is signed for, read from its host name by tables.

Longest match wins, and the answer says what it rests on, so that nothing is guessed in silence.
Sources: AWS General Reference "Service endpoints", the endpoint prefixes and signing names of
the SDKs' service models, Lambda developer guide "Function URLs", S3 user guide "Virtual hosting".
"""

import functools
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from daypass.client.errors import UnknownEndpointError
from daypass.client.regions import REGION_VARIABLES

_REGION: Final = re.compile(r"[a-z]{2,5}(-[a-z]+)+-\d{1,2}")
_URL_PATH: Final = re.compile(r"/_urls/[a-z0-9]{32}(/|$)")

# Domains under which `…service.region` is the rule.
_REGIONAL_DOMAINS: Final = (
    "vpce.amazonaws.com",
    "amazonaws.com",
    "vpce.amazonaws.com.cn",
    "amazonaws.com.cn",
    "api.aws",
    "api.amazonwebservices.com.cn",
    "amazonaws.eu",
    "api.amazonwebservices.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
)

# Endpoint prefixes that are not the name in the credential scope, each `prefix signing-name`.
# Matched against the labels before the region, the most labels first; what is not here is signed
# by the last of those labels.
_SIGNING_NAMES: Final = dict(
    line.split()
    for line in """\
a2i-runtime.sagemaker sagemaker
account-access-runtime account-access
admin.wickr wickr
agent-registry-control agent-registry
agreement-marketplace aws-marketplace
api.tunneling.iot IoTSecuredTunneling
appconfigdata appconfig
appstream2 appstream
appsync-api appsync
appsync-realtime-api appsync
bedrock-agent bedrock
bedrock-agent-runtime bedrock
bedrock-agentcore-control bedrock-agentcore
bedrock-data-automation bedrock
bedrock-data-automation-runtime bedrock
bedrock-runtime bedrock
cassandra-streams cassandra
catalog.marketplace aws-marketplace
cloudhsmv2 cloudhsm
cloudsearchdomain cloudsearch
cloudwatch-omni cloudwatch
contact-lens connect
data-ats.iot iotdata
data-signer signer
data.iot iotdata
data.jobs.iot iot-jobs-data
deployment-marketplace aws-marketplace
discovery-marketplace aws-marketplace
email ses
entitlement.marketplace aws-marketplace
eventsv2 events
forecastquery forecast
iam-toolbox iam
identity-chime chime
iot iot
ivsrealtime ivs
mail-manager ses
media-pipelines-chime chime
meetings-chime chime
memory-db memorydb
messaging-chime chime
metering.marketplace aws-marketplace
migrationhub-config mgh
models-v2-lex lex
oidc sso-oauth
participant.connect execute-api
partnercentral-prm partnercentral
personalize-events personalize
personalize-runtime personalize
pinpoint mobiletargeting
portal.sso awsssoportal
aps-workspaces aps
queue sqs
reporting-marketplace aws-marketplace
runtime-v2-lex lex
s3-accesspoint s3
s3-control s3
servicecatalog-appregistry servicecatalog
sms-voice.pinpoint sms-voice
streams.dynamodb dynamodb
voice-chime chime
""".splitlines()
)

# Services whose hosts end in `region.label`, by that label.
_AFTER_REGION: Final = {
    "es": "es",
    "aoss": "aoss",
    "cloudsearch": "cloudsearch",
    "elasticmapreduce": "elasticmapreduce",
    "neptune": "neptune-db",
    "queue": "sqs",
}

# Hosts without a region, and the one they are signed for.
_GLOBAL: Final = {
    "budgets.amazonaws.com": ("budgets", "us-east-1"),
    "cloudfront.amazonaws.com": ("cloudfront", "us-east-1"),
    "global.health.amazonaws.com": ("health", "us-east-1"),
    "iam.amazonaws.com": ("iam", "us-east-1"),
    "iam.us-gov.amazonaws.com": ("iam", "us-gov-west-1"),
    "organizations.amazonaws.com": ("organizations", "us-east-1"),
    "queue.amazonaws.com": ("sqs", "us-east-1"),
    "route53.amazonaws.com": ("route53", "us-east-1"),
    "route53.amazonaws.com.cn": ("route53", "cn-northwest-1"),
    "route53.us-gov.amazonaws.com": ("route53", "us-gov-west-1"),
    "s3.amazonaws.com": ("s3", "us-east-1"),
    "s3-external-1.amazonaws.com": ("s3", "us-east-1"),
    "savingsplans.amazonaws.com": ("savingsplans", "us-east-1"),
    "sts.amazonaws.com": ("sts", "us-east-1"),
    "waf.amazonaws.com": ("waf", "us-east-1"),
}


@dataclass(frozen=True, slots=True)
class Inference:
    """What a URL alone says. service, region: None where it does not say. because: on what the
    answer rests, for people."""

    service: str | None
    region: str | None
    because: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a request is signed for. because: on what each part rests, for people."""

    service: str
    region: str
    because: str


_NOTHING: Final = Inference(None, None, "")


def infer(url: str) -> Inference:
    """What the URL's host (and, for a Daypass server, its path) says of service and region."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    by_host = _infer_from_host(host)
    if by_host.service is None and _URL_PATH.match(parts.path):
        return Inference("lambda", None, "the path /_urls/… of a Daypass server")
    return by_host


@functools.lru_cache(maxsize=256)
def _infer_from_host(host: str) -> Inference:
    for rule in (_global_host, _function_url, _local_bucket, _regional_host):
        found = rule(host)
        if found is not None:
            service, region = found
            return Inference(service, region, f"the host name {host}")
    return _NOTHING


_Found = tuple[str, str | None] | None


def _global_host(host: str) -> _Found:
    labels = host.split(".")
    for start in range(len(labels)):  # the longest suffix first
        found = _GLOBAL.get(".".join(labels[start:]))
        # Only S3 puts names of the user's in front of a global host.
        if found is not None and (start == 0 or found[0] == "s3"):
            return found
    return None


def _function_url(host: str) -> _Found:
    for domain in (".on.aws", ".localhost"):
        labels = host.removesuffix(domain).split(".")
        if host.endswith(domain) and len(labels) == 3:
            _, service, region = labels
            if service == "lambda-url" and _REGION.fullmatch(region):
                return "lambda", region
    return None


def _local_bucket(host: str) -> _Found:
    # How a Daypass server on this machine is asked for a bucket by virtual host.
    return ("s3", None) if host.endswith(".localhost") else None


def _regional_host(host: str) -> _Found:
    domain = next((d for d in _REGIONAL_DOMAINS if host.endswith("." + d)), None)
    if domain is None:
        return None
    labels = [part for part in host[: -len(domain) - 1].split(".") if part != "dualstack"]
    if len(labels) > 1 and _REGION.fullmatch(labels[-1]):
        return _signing_name(labels[:-1]), labels[-1]
    if len(labels) > 1 and _REGION.fullmatch(labels[-2]) and labels[-1] in _AFTER_REGION:
        return _AFTER_REGION[labels[-1]], labels[-2]
    old_s3 = labels[-1].removeprefix("s3-") if labels else ""  # s3-eu-west-1.amazonaws.com
    if labels and old_s3 != labels[-1] and _REGION.fullmatch(old_s3):
        return "s3", old_s3
    return None


def _signing_name(labels: list[str]) -> str:
    plain = [label.removesuffix("-fips") for label in labels]
    for start in range(len(plain)):
        name = _SIGNING_NAMES.get(".".join(plain[start:]))
        if name is not None:
            return name
    last = plain[-1]
    return "s3express" if last.startswith("s3express-") else last


def resolve(
    url: str,
    service: str | None = None,
    region: str | None = None,
    configured_region: Callable[[], str | None] = lambda: None,
    environ: Mapping[str, str] = os.environ,
) -> Scope:
    """The service and region to sign for: as given, else as the URL says, else (the region) as
    the environment or `configured_region` says. Raises `UnknownEndpointError`."""
    inferred = infer(url)
    host = urlsplit(url).netloc.rpartition("@")[2] or url
    chosen = service or inferred.service
    if not chosen:
        raise UnknownEndpointError(
            f"Cannot tell which service {host} is.",
            "Its name is none of AWS's, and a signature names the service it is meant for.",
            'Say it: Auth(service="s3"), or --service s3 on the command line.',
        )
    where, region_from = _region(region, inferred, environ, configured_region)
    if not where:
        raise UnknownEndpointError(
            f"Cannot tell in which region {host} is.",
            "Neither its name nor AWS_REGION, AWS_DEFAULT_REGION or the profile says so.",
            'Say it: Auth(region="us-east-1"), or --region us-east-1 on the command line.',
        )
    service_from = "what was asked for" if service else inferred.because
    if service_from == region_from:
        return Scope(chosen, where, f"service and region from {service_from}")
    return Scope(chosen, where, f"service from {service_from}, region from {region_from}")


def _region(
    region: str | None,
    inferred: Inference,
    environ: Mapping[str, str],
    configured: Callable[[], str | None],
) -> tuple[str | None, str]:
    if region:
        return region, "what was asked for"
    if inferred.region:
        return inferred.region, inferred.because
    for name in REGION_VARIABLES:
        if environ.get(name):
            return environ[name], name
    return configured(), "the profile"
