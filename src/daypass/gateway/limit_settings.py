"""What an operator allows one principal and one address."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The limits of each process. 0 is no limit.

    principal_rate, address_rate: sessions a second, issued to what began with one principal's
    credentials, and to one address. live_sessions: of one principal, which have not expired.
    """

    # AWS allows an account 600 ("IAM and STS quotas").
    principal_rate: float = 600.0
    address_rate: float = 1_200.0
    live_sessions: int = 100_000
