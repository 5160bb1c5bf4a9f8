"""AWS's partitions, as far as they say where STS of a region is.

Source: the SDKs' partitions.json and the endpoint rules of STS.
"""

import re
from typing import Final

from daypass.client.errors import UnknownEndpointError

_AWS: Final = ("amazonaws.com", "api.aws")
# What a region begins with, and the partition's DNS suffixes: the usual, and for IPv4 and IPv6.
_SUFFIXES: Final = {
    "cn-": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "eusc-": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "us-iso-": ("c2s.ic.gov", "api.aws.ic.gov"),
    "us-isob-": ("sc2s.sgov.gov", "api.aws.scloud"),
    "eu-isoe-": ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    "us-isof-": ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
}
_REGION: Final = re.compile(r"[a-z]{2,5}(-[a-z]+)+-\d{1,2}")


def sts_url(region: str, *, fips: bool = False, dual_stack: bool = False) -> str:
    """Where STS of a region is, without a slash at the end. Raises `UnknownEndpointError` for
    what is no region's name, as it would become part of a host name."""
    if not _REGION.fullmatch(region):
        raise UnknownEndpointError(
            f"{region!r} is no AWS region.", "", "Give one like eu-west-1, or an endpoint URL."
        )
    suffixes = next((two for start, two in _SUFFIXES.items() if region.startswith(start)), _AWS)
    # In GovCloud the usual endpoints are the FIPS ones.
    plain = not fips or (region.startswith("us-gov-") and not dual_stack)
    return f"https://sts{'' if plain else '-fips'}.{region}.{suffixes[dual_stack]}"
