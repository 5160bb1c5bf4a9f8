"""Header fields as a verifier reads them."""

from collections.abc import Iterable


def combine_headers(
    fields: Iterable[tuple[str, str]],
) -> tuple[dict[str, str], frozenset[str]]:
    """Header fields as one value a name, and the names that came more than once.

    Names are lower-cased; repeated fields are joined with "," in wire order, which is the form
    SigV4 signs, so that what is verified and what a handler reads cannot differ. Blanks and tabs
    around a value are trimmed (RFC 9110 section 5.5), nothing else.
    """
    combined: dict[str, str] = {}
    repeated: set[str] = set()
    for raw_name, raw_value in fields:
        name, value = raw_name.lower(), raw_value.strip(" \t")
        if name in combined:
            repeated.add(name)
            value = f"{combined[name]},{value}"
        combined[name] = value
    return combined, frozenset(repeated)
