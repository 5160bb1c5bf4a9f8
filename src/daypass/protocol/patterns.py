"""The patterns of service models, which are Java's regular expressions, as Python's."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

# No pattern sees more characters than this; the longest members (policy documents) hold 131,072.
LONGEST_MATCHED: Final = 131_072

# Java's \p{Z}: every separator of Unicode. Its \p{L} and \p{N} together, with "_", are Python's \w.
_SEPARATORS: Final = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_LETTERS_SEPARATORS_NUMBERS: Final = r"\p{L}\p{Z}\p{N}_"

Matcher = Callable[[str], bool]


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Matcher | None:
    r"""Whether a whole text matches, as Java's `String.matches`; None if Python cannot say.

    Java's \w, \d and \s are ASCII. A text beyond `LONGEST_MATCHED` does not match, unread.
    """
    flags = re.ASCII
    if _LETTERS_SEPARATORS_NUMBERS in pattern:
        pattern = pattern.replace(_LETTERS_SEPARATORS_NUMBERS, r"\w" + _SEPARATORS)
        flags = re.UNICODE
    try:
        fullmatch = re.compile(pattern, flags).fullmatch
    except re.error:
        return None

    def matches(text: str) -> bool:
        return len(text) <= LONGEST_MATCHED and fullmatch(text) is not None

    return matches
