"""Why a signature does not match: the search for the client's mistake."""

from daypass.sigv4.diagnosis.search import Diagnosis, Finding, diagnose

__all__ = ["Diagnosis", "Finding", "diagnose"]
