"""Reading elements so that nothing of them is overlooked."""

import re
from datetime import datetime
from typing import Final, TypeAlias

from lxml import etree

Element: TypeAlias = etree._Element

# xs:dateTime with a time zone; SAML demands UTC, and a few providers write an offset.
_MOMENT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII
)


def only(parent: Element, tag: str) -> Element | None:
    """The one child of that name, None if there is none. Raises `ValueError` for several."""
    found = parent.findall(tag)
    if len(found) > 1:
        raise ValueError(f"{etree.QName(tag).localname} comes more than once")
    return found[0] if found else None


def text_of(element: Element) -> str:
    """All of an element's text. Raises `ValueError` if it holds elements, behind the first of
    which text would go unread."""
    if len(element):
        raise ValueError("it holds elements where text is expected")
    return str(element.text or "")


def moment_of(element: Element, name: str) -> float | None:
    """An attribute that is a time, in Unix seconds. Raises `ValueError` for what is not one."""
    value = element.get(name)
    if value is None:
        return None
    if not _MOMENT.fullmatch(value):
        raise ValueError(f"{name} is no time")
    return datetime.fromisoformat(value).timestamp()
