"""Templates: what is read of AWS SAM, and that all else is refused with its line."""

import json
from pathlib import Path

import pytest

from daypass.cli.deployment.plan import Plan, Url
from daypass.cli.deployment.template import read_template
from daypass.cli.failure import Failure

HEAD = """\
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
"""


def plans(tmp_path: Path, content: str, **parameters: str) -> list[Plan]:
    path = tmp_path / "template.yaml"
    path.write_text(content)
    return read_template(path, parameters, "eu-west-1", "123456789012")


def refusal(tmp_path: Path, content: str) -> str:
    with pytest.raises(Failure) as refused:
        plans(tmp_path, content)
    assert refused.value.status == 2
    return refused.value.what.partition("template.yaml, ")[2]


def test_what_sam_says_where_a_template_does_not(tmp_path):
    [plan] = plans(tmp_path, HEAD)
    assert plan == Plan("Hello", tmp_path, "python3.12", "app.handler", timeout=3, memory=128)


def test_everything_that_is_read(tmp_path):
    (tmp_path / "src").mkdir()
    [plan] = plans(
        tmp_path,
        HEAD
        + """\
      FunctionName: hello
      CodeUri: src
      Description: Says hello
      Timeout: 12
      MemorySize: 1024
      Architectures: [arm64]
      EphemeralStorage: {Size: 1024}
      ReservedConcurrentExecutions: 5
      Role: arn:aws:iam::123456789012:role/given
      Tags: {team: blue, "daypass:url-id": 0123456789abcdefghijklmnopqrstuv}
      Environment:
        Variables: {COUNT: 3, ON: true, TEXT: "x", DATE: 2024-01-02}
      Policies:
        - arn:aws:iam::aws:policy/ReadOnlyAccess
        - Version: 2012-10-17
          Statement: [{Effect: Allow, Action: "s3:Get*", Resource: "*"}]
      FunctionUrlConfig: {AuthType: AWS_IAM, InvokeMode: RESPONSE_STREAM, Cors: {MaxAge: 5}}
""",
    )
    assert plan.source == tmp_path / "src"
    assert (plan.name, plan.timeout, plan.memory, plan.concurrency) == ("hello", 12, 1024, 5)
    assert plan.role == "arn:aws:iam::123456789012:role/given"
    assert plan.settings == {
        "Description": "Says hello",
        "Architectures": ["arm64"],
        "EphemeralStorage": {"Size": 1024},
    }
    assert plan.tags["team"] == "blue"
    # CloudFormation's texts of YAML's values.
    assert plan.variables == {"COUNT": "3", "ON": "true", "TEXT": "x", "DATE": "2024-01-02"}
    assert plan.managed == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    assert json.loads(plan.policies["template-1"])["Version"] == "2012-10-17"
    assert plan.url == Url("AWS_IAM", "RESPONSE_STREAM", {"MaxAge": 5})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!Ref Stage", "dev"),
        ("{Ref: Stage}", "dev"),
        ("!Ref Hello", "Hello"),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!GetAtt Hello.Arn", "arn:aws:lambda:eu-west-1:123456789012:function:Hello"),
        ("{'Fn::GetAtt': [Hello, Arn]}", "arn:aws:lambda:eu-west-1:123456789012:function:Hello"),
        ("!Sub '${Stage}-${AWS::AccountId}-${!Literal}'", "dev-123456789012-${Literal}"),
        (
            "!Sub ['${a}/${Hello.Arn}', {a: !Ref Stage}]",
            "dev/arn:aws:lambda:eu-west-1:123456789012:function:Hello",
        ),
        ("!Join [':', [a, !Ref Stage]]", "a:dev"),
    ],
)
def test_functions_of_cloudformation(tmp_path, value, expected):
    parameters = "Parameters:\n  Stage: {Type: String, Default: dev}\n"
    [plan] = plans(
        tmp_path, parameters + HEAD + f"      Environment: {{Variables: {{V: {value}}}}}\n"
    )
    assert plan.variables == {"V": expected}


def test_a_parameter_may_be_given(tmp_path):
    content = "Parameters:\n  Stage: {Type: String}\n" + HEAD
    content += "      FunctionName: !Sub 'x-${Stage}'\n"
    assert plans(tmp_path, content, Stage="live")[0].name == "x-live"
    assert "line 2: The parameter Stage has no value." in refusal(tmp_path, content)


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("      Layers: [x]\n", "line 7: Layers is no property of a function"),
        ("      Events: {}\n", "line 7: Events is no property"),
        ("      Timeout: !FindInMap [a, b, c]\n", "line 7: Fn::FindInMap is not evaluated here"),
        ("      Timeout: soon\n", "line 7: Timeout is soon, and no whole number"),
        ("      CodeUri: s3://bucket/key\n", "line 7: CodeUri s3://bucket/key is no directory"),
        ("      Environment: {Variables: {A: [1]}}\n", "line 7: A is no text"),
        ("      Environment: {Variables: {A: !Ref Table}}\n", "line 7: Table is neither"),
        (
            "      Policies: [{S3ReadPolicy: {BucketName: b}}]\n",
            "line 7: S3ReadPolicy is no policy",
        ),
        ("      FunctionUrlConfig: {AuthType: OPEN}\n", "line 7: OPEN is none of AWS_IAM, NONE"),
        ("      FunctionUrlConfig: {}\n", "line 7: AuthType is missing"),
        ("      Timeout: 1\n      Timeout: 2\n", "line 8: Timeout is there twice"),
        ("  Table:\n    Type: AWS::DynamoDB::Table\n", "line 8: AWS::DynamoDB::Table is no type"),
        ("Conditions: {}\n", "line 7: Conditions is no section"),
        ("      Timeout: [\n", "line 8: This is no YAML"),
        ("      Handler: !GetAtt Hello.Url\n", "line 7: Handler is there twice"),
        (
            "      Environment: {Variables: {A: !GetAtt Hello.Url}}\n",
            "line 7: Fn::GetAtt of Hello.Url is not known before it is made",
        ),
    ],
)
def test_what_is_not_read_is_refused_with_its_line(tmp_path, added, expected):
    assert refusal(tmp_path, HEAD + added).startswith(expected)


def test_aliases_cannot_blow_a_template_up(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "too large or too deep" in refusal(tmp_path, "\n".join(lines))
    assert "too large or too deep" in refusal(tmp_path, "a: &a [*a]")
