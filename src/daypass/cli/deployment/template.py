"""Functions out of an AWS SAM template: the part of it that is about functions and their URLs.

Everything that is read is named here; whatever else a template holds is refused with its line,
because a function without what was left out would not be the one that is described.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from daypass.cli.deployment.nodes import (
    Mapped,
    Node,
    TemplateError,
    integer,
    mapping,
    only,
    read_document,
    sequence,
    text,
)
from daypass.cli.deployment.plan import Plan, Url
from daypass.cli.deployment.values import Values
from daypass.cli.failure import Failure

_FUNCTION: Final = "AWS::Serverless::Function"
_IGNORED_SECTIONS: Final = {"AWSTemplateFormatVersion", "Description", "Metadata", "Outputs"}
_SECTIONS: Final = {"Transform", "Globals", "Parameters", "Resources"} | _IGNORED_SECTIONS
_PROPERTIES: Final = frozenset(
    {
        *("Architectures", "CodeUri", "Description", "Environment", "EphemeralStorage"),
        *("FunctionName", "FunctionUrlConfig", "Handler", "MemorySize", "Policies"),
        *("ReservedConcurrentExecutions", "Role", "Runtime", "Tags", "Timeout"),
    }
)
_GLOBALS: Final = _PROPERTIES - {"FunctionName", "FunctionUrlConfig", "Policies", "Role"}
_MERGED: Final = {"Environment", "Tags"}
_AUTH_TYPES: Final = {"AWS_IAM", "NONE"}
_INVOKE_MODES: Final = {"BUFFERED", "RESPONSE_STREAM"}
# What SAM says where a template does not.
_TIMEOUT: Final = 3
_MEMORY: Final = 128


def read_template(
    path: Path, parameters: Mapping[str, str], region: str, account: str
) -> list[Plan]:
    """The functions of a template. Raises `Failure`, which names the line."""
    try:
        return _read(path, parameters, region, account)
    except TemplateError as error:
        raise Failure(
            f"{path}, line {error.line}: {error.what}",
            error.why,
            error.remedy,
            exit_code=2,
        ) from error


def _read(path: Path, parameters: Mapping[str, str], region: str, account: str) -> list[Plan]:
    document = mapping(read_document(path.read_text(encoding="utf-8")), "a template")
    only(document, _SECTIONS, "section")
    resources = mapping(_need(document, "Resources"), "Resources")
    functions: dict[str, Mapped] = {}
    for name, node in resources.items.items():
        resource = mapping(node, name)
        only(resource, {"Type", "Properties", "Metadata", "DeletionPolicy"}, f"of {name}")
        kind = text(_need(resource, "Type"), "Type")
        if kind != _FUNCTION:
            raise TemplateError(
                _need(resource, "Type").line,
                f"{kind} is no type of resource that this makes.",
                f"Only {_FUNCTION} is read.",
                "Make it with the service's own API, and refer to it by a parameter.",
            )
        functions[name] = mapping(_need(resource, "Properties"), "Properties")
    globals_ = _globals(document)
    names = {
        logical: properties.items.get("FunctionName") for logical, properties in functions.items()
    }
    values = Values(_parameters(document, parameters), names, path, region, account)
    return [
        _plan(logical, _merge(globals_, properties), values, path.parent)
        for logical, properties in functions.items()
    ]


def _need(parent: Mapped, name: str) -> Node:
    found = parent.items.get(name)
    if found is None:
        raise TemplateError(parent.line, f"{name} is missing.")
    return found


def _globals(document: Mapped) -> Mapped | None:
    given = document.items.get("Globals")
    if given is None:
        return None
    sections = mapping(given, "Globals")
    only(sections, {"Function"}, "of Globals")
    function = sections.items.get("Function")
    return None if function is None else mapping(function, "Globals.Function")


def _parameters(document: Mapped, given: Mapping[str, str]) -> dict[str, object]:
    declared = mapping(document.items.get("Parameters") or Mapped(1, {}), "Parameters")
    for name in given:
        if name not in declared.items:
            raise TemplateError(declared.line, f"There is no parameter {name}.")
    found: dict[str, object] = {}
    for name, node in declared.items.items():
        parameter = mapping(node, name)
        default = parameter.items.get("Default")
        if name in given:
            found[name] = given[name]
        elif default is not None:
            found[name] = text(default, "Default")
        else:
            raise TemplateError(
                parameter.line,
                f"The parameter {name} has no value.",
                "It has no Default, and none was given.",
                f"Give --parameter {name}=VALUE.",
            )
    return found


def _merge(globals_: Mapped | None, own: Mapped) -> Mapped:
    """A function's properties over those of all functions, as SAM puts them together."""
    only(own, _PROPERTIES, "property of a function")
    if globals_ is None:
        return own
    only(globals_, _GLOBALS, "property of Globals.Function")
    merged = {**globals_.items, **own.items}
    for name in _MERGED & globals_.items.keys() & own.items.keys():
        merged[name] = _merge_mappings(globals_.items[name], own.items[name])
    return Mapped(own.line, merged)


def _merge_mappings(first: Node, second: Node) -> Node:
    if not isinstance(first, Mapped) or not isinstance(second, Mapped) or second.intrinsic:
        return second
    items = dict(first.items)
    for name, node in second.items.items():
        items[name] = _merge_mappings(items[name], node) if name in items else node
    return Mapped(second.line, items)


def _plan(logical: str, properties: Mapped, values: Values, base: Path) -> Plan:
    def read(name: str, convert: Callable[[Node, str], Any], default: Any = None) -> Any:
        node = properties.items.get(name)
        return default if node is None else convert(values.resolve(node), name)

    runtime = read("Runtime", text)
    handler = read("Handler", text)
    if runtime is None or (handler is None and not runtime.startswith("provided")):
        raise TemplateError(properties.line, f"{logical} has no Runtime or no Handler.")
    managed, policies = _policies(properties, values)
    return Plan(
        name=values.function_name(logical),
        source=_source(properties, values, base),
        runtime=runtime,
        handler=handler or "bootstrap",
        role=read("Role", text),
        policies=policies,
        managed=managed,
        variables=_variables(properties, values),
        timeout=read("Timeout", integer, _TIMEOUT),
        memory=read("MemorySize", integer, _MEMORY),
        url=_url(properties, values),
        settings=_settings(properties, values),
        tags=_texts(read("Tags", mapping, Mapped(1, {})), values),
        concurrency=read("ReservedConcurrentExecutions", integer),
    )


def _source(properties: Mapped, values: Values, base: Path) -> Path:
    node = properties.items.get("CodeUri")
    if node is None:
        return base
    resolved = values.resolve(node)
    given = text(resolved, "CodeUri")
    source = (base / given).resolve()
    if "://" in given or not source.exists():
        raise TemplateError(
            resolved.line, f"CodeUri {given} is no directory or file here.", "Code is packed here."
        )
    return source


def _settings(properties: Mapped, values: Values) -> dict[str, object]:
    settings: dict[str, object] = {}
    if "Description" in properties.items:
        settings["Description"] = text(values.resolve(properties.items["Description"]), "text")
    if "Architectures" in properties.items:
        given = sequence(values.resolve(properties.items["Architectures"]), "Architectures")
        settings["Architectures"] = [text(one, "an architecture") for one in given.items]
    if "EphemeralStorage" in properties.items:
        storage = mapping(values.resolve(properties.items["EphemeralStorage"]), "EphemeralStorage")
        settings["EphemeralStorage"] = {"Size": integer(_need(storage, "Size"), "Size")}
    return settings


def _variables(properties: Mapped, values: Values) -> dict[str, str]:
    node = properties.items.get("Environment")
    if node is None:
        return {}
    environment = mapping(node, "Environment")
    only(environment, {"Variables"}, "of Environment")
    variables = environment.items.get("Variables") or Mapped(environment.line, {})
    return _texts(mapping(variables, "Variables"), values)


def _texts(given: Mapped, values: Values) -> dict[str, str]:
    return {name: text(values.resolve(node), name) for name, node in given.items.items()}


def _url(properties: Mapped, values: Values) -> Url | None:
    node = properties.items.get("FunctionUrlConfig")
    if node is None:
        return None
    config = mapping(node, "FunctionUrlConfig")
    only(config, {"AuthType", "Cors", "InvokeMode"}, "of FunctionUrlConfig")
    auth_type = _choice(_need(config, "AuthType"), values, _AUTH_TYPES)
    mode = config.items.get("InvokeMode")
    cors = config.items.get("Cors")
    return Url(
        auth_type,
        "BUFFERED" if mode is None else _choice(mode, values, _INVOKE_MODES),
        None if cors is None else dict(mapping(values.resolve(cors), "Cors").plain()),
    )


def _choice(node: Node, values: Values, allowed: set[str]) -> str:
    resolved = values.resolve(node)
    given = text(resolved, "a choice")
    if given not in allowed:
        raise TemplateError(resolved.line, f"{given} is none of {', '.join(sorted(allowed))}.")
    return given


def _policies(properties: Mapped, values: Values) -> tuple[Sequence[str], dict[str, str]]:
    """The ARNs of managed policies, and documents by the names they get."""
    node = properties.items.get("Policies")
    if node is None:
        return (), {}
    resolved = values.resolve(node)
    given = getattr(resolved, "items", None)
    entries = given if isinstance(given, list) else [resolved]
    managed: list[str] = []
    documents: dict[str, str] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, Mapped):
            managed.append(_managed(text(entry, "a policy")))
        elif "Statement" in entry.items:
            document = {"Version": "2012-10-17", **entry.plain()}
            documents[f"template-{number}"] = json.dumps(document, default=str)
        else:
            raise TemplateError(
                entry.line,
                f"{', '.join(entry.items)} is no policy that this reads.",
                "SAM's policy templates are not known here.",
                "Write the policy out, with Version and Statement, or name a managed policy.",
            )
    return managed, documents


def _managed(name: str) -> str:
    if name.startswith("arn:"):
        return name
    # SAM takes names of AWS's policies without their path.
    path = "service-role/" if name.startswith("AWSLambda") and name.endswith("Role") else ""
    return f"arn:aws:iam::aws:policy/{path}{name}"
