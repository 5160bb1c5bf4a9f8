"""CloudFormation's functions in a template whose values are known before anything is made: Ref,
Fn::GetAtt of an Arn, Fn::Sub and Fn::Join."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from daypass.cli.deployment.nodes import Listed, Mapped, Node, Scalar, TemplateError, sequence, text

_VARIABLE: Final = re.compile(r"\$\{(!?)([^}]*)\}")
_KNOWN: Final = "Ref, Fn::GetAtt of a function's Arn, Fn::Sub and Fn::Join are."


class Values:
    """What names in a template stand for.

    functions: the logical names of the functions, and their FunctionName where they have one.
    """

    def __init__(
        self,
        parameters: Mapping[str, object],
        functions: Mapping[str, Node | None],
        path: Path,
        region: str,
        account: str,
    ) -> None:
        self._functions = functions
        self._region = region
        self._account = account
        self._names: dict[str, str] = {
            "AWS::AccountId": account,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackName": path.resolve().parent.name,
            "AWS::URLSuffix": "amazonaws.com",
            **{name: str(value) for name, value in parameters.items()},
        }

    def function_name(self, logical: str) -> str:
        """The name a function gets: its FunctionName, or its logical name."""
        given = self._functions[logical]
        return logical if given is None else text(self.resolve(given), "FunctionName")

    def resolve(self, node: Node) -> Node:
        """The node with every function of CloudFormation's replaced by its value."""
        if isinstance(node, Scalar):
            return node
        if isinstance(node, Listed):
            return Listed(node.line, [self.resolve(item) for item in node.items])
        name = node.intrinsic
        if not name:
            return Mapped(node.line, {key: self.resolve(item) for key, item in node.items.items()})
        argument = node.items[name]
        if name == "Ref":
            return Scalar(node.line, self._ref(text(argument, "Ref"), node.line, {}))
        if name == "Fn::GetAtt":
            return Scalar(node.line, self._attribute(argument))
        if name == "Fn::Sub":
            return Scalar(node.line, self._substitute(argument))
        if name == "Fn::Join":
            return Scalar(node.line, self._join(argument))
        raise TemplateError(
            node.line, f"{name} is not evaluated here.", _KNOWN, "Write its value, or a parameter."
        )

    def _ref(self, name: str, line: int, own: Mapping[str, str]) -> str:
        if name in own:
            return own[name]
        if name in self._names:
            return self._names[name]
        if name in self._functions:
            return self.function_name(name)
        raise TemplateError(line, f"{name} is neither a parameter nor a function of this template.")

    def _attribute(self, argument: Node) -> str:
        if isinstance(argument, Listed):
            parts = [text(item, "Fn::GetAtt") for item in argument.items]
        else:
            parts = text(argument, "Fn::GetAtt").split(".", 1)
        if len(parts) == 2 and parts[0] in self._functions and parts[1] == "Arn":
            function = self.function_name(parts[0])
            return f"arn:aws:lambda:{self._region}:{self._account}:function:{function}"
        raise TemplateError(
            argument.line,
            f"Fn::GetAtt of {'.'.join(parts)} is not known before it is made.",
            _KNOWN,
        )

    def _substitute(self, argument: Node) -> str:
        own: dict[str, str] = {}
        template = argument
        if isinstance(argument, Listed):
            if len(argument.items) != 2 or not isinstance(argument.items[1], Mapped):
                raise TemplateError(argument.line, "Fn::Sub has a text and names with values.")
            template = argument.items[0]
            own = {
                name: text(self.resolve(node), name)
                for name, node in argument.items[1].items.items()
            }

        def replace(match: re.Match[str]) -> str:
            literal, name = match[1], match[2].strip()
            if literal:
                return f"${{{name}}}"
            if "." in name and name not in own:
                return self._attribute(Scalar(template.line, name))
            return self._ref(name, template.line, own)

        return _VARIABLE.sub(replace, text(template, "Fn::Sub"))

    def _join(self, argument: Node) -> str:
        parts = sequence(argument, "Fn::Join").items
        if len(parts) != 2:
            raise TemplateError(argument.line, "Fn::Join has a separator and a list.")
        values = sequence(self.resolve(parts[1]), "the second part of Fn::Join")
        return text(parts[0], "the separator").join(text(one, "a part") for one in values.items)
