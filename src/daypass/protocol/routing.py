"""Finding the operation of a REST request from its method, path, query and headers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from daypass.protocol.faults import Misrouted


@dataclass(frozen=True, slots=True)
class Route:
    """How one operation is asked for.

    literals: query names its URI template holds, with their values ("" is any). parameters,
    headers: those it cannot do without, by which operations that share a URI are told apart.
    """

    operation: str
    literals: Mapping[str, str]
    parameters: frozenset[str]
    headers: frozenset[str]
    deprecated: bool

    def fits(self, query: Mapping[str, str], subresources: frozenset[str]) -> bool:
        """Whether the request has all literals of this route and no other subresource."""
        return self.literals.keys() == subresources and all(
            not value or query[name] == value for name, value in self.literals.items()
        )

    def likeness(
        self, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, int, bool]:
        """How well a request's own parameters speak for this route: found, then not missing.

        Operations of an older form share everything with the one that took their place.
        """
        found = len(self.parameters & query.keys()) + len(self.headers & headers.keys())
        missing = len(self.parameters) + len(self.headers) - found
        return found, -missing, not self.deprecated


@dataclass(slots=True)
class _Place:
    """A place in the tree of paths: what comes below it, and the routes that end here by method."""

    depth: int
    literal: dict[str, "_Place"] = field(default_factory=dict)
    label: "_Place | None" = None
    greedy: "_Place | None" = None
    routes: dict[str, list[Route]] = field(default_factory=dict)


class UnroutedError(Exception):
    """No operation has this path, method and query. why: see `Misrouted`."""

    def __init__(self, why: Misrouted) -> None:
        super().__init__(why)
        self.why = why


class Router:
    """The routes of one service, from its model as botocore has it."""

    def __init__(self, operations: Iterable[Mapping[str, Any]], shapes: Mapping[str, Any]) -> None:
        self._root = _Place(0)
        self._subresources: set[str] = set()
        for operation in operations:
            self._add(operation, shapes)

    def find(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> str:
        """The operation's name. Raises `UnroutedError`.

        path: raw, percent-encoded. A trailing "/" after anything but a greedy label is ignored.
        """
        place = self._place(path)
        if place is None:
            raise UnroutedError(Misrouted(0, known_path=False))
        subresources = frozenset(self._subresources & query.keys())
        routes = [
            route for route in place.routes.get(method, ()) if route.fits(query, subresources)
        ]
        if not routes:
            known = {
                frozenset(route.literals) for found in place.routes.values() for route in found
            }
            conflict = len(subresources) > 1 and subresources not in known
            names = tuple(sorted(subresources))
            raise UnroutedError(Misrouted(place.depth, True, names, conflict))
        if len(routes) == 1:
            return routes[0].operation
        return max(routes, key=lambda route: route.likeness(query, headers)).operation

    def _place(self, path: str) -> _Place | None:
        place = self._root
        rest = path.removeprefix("/")
        while rest:
            if place.greedy is not None:
                return place.greedy
            segment, _slash, rest = rest.partition("/")
            following = place.literal.get(segment) or (place.label if segment else None)
            if following is None:
                return None
            place = following
        return place

    def _add(self, operation: Mapping[str, Any], shapes: Mapping[str, Any]) -> None:
        template, _, query = operation["http"]["requestUri"].partition("?")
        place = self._root
        for segment in filter(None, template.split("/")):
            place = _below(place, segment)
        literals = dict(_literal(piece) for piece in filter(None, query.split("&")))
        routes = place.routes.setdefault(operation["http"]["method"], [])
        shape = shapes[operation["input"]["shape"]] if "input" in operation else {}
        parameters, headers = _required(shape)
        deprecated = operation.get("deprecated", False)
        routes.append(Route(operation["name"], literals, parameters, headers, deprecated))
        self._subresources.update(literals)


def _below(place: _Place, segment: str) -> _Place:
    if segment.endswith("+}"):
        place.greedy = place.greedy or _Place(place.depth + 1)
        return place.greedy
    if segment.startswith("{"):
        place.label = place.label or _Place(place.depth + 1)
        return place.label
    return place.literal.setdefault(segment, _Place(place.depth))


def _literal(piece: str) -> tuple[str, str]:
    name, _, value = piece.partition("=")
    return name, value


def _required(shape: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """The query parameters and the headers (lower-case) that an input cannot do without."""
    parameters, headers = set(), set()
    for name in shape.get("required", ()):
        member = shape["members"][name]
        if member.get("location") == "querystring":
            parameters.add(member["locationName"])
        elif member.get("location") == "header":
            headers.add(member["locationName"].lower())
    return frozenset(parameters), frozenset(headers)
