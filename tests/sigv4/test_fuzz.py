"""A short run of the fuzzer; `python -m tests.sigv4.fuzz` is the long one."""

from tests.sigv4.fuzz import fuzz


def test_mutated_requests_are_refused_or_mean_the_same():
    outcomes = fuzz(10_000, seed=20150830)
    assert outcomes["SIGNATURE_MISMATCH"] > 1000
    assert len(outcomes) > 15
