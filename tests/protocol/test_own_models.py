"""Models of our own in botocore's format, with what AWS's four models happen not to use."""

import gzip
import json
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.model import ServiceModel as TheirModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from daypass.protocol import ModelError, Request, ServiceError, ServiceModel, load_model
from daypass.protocol import load_model_file as load

MODEL: dict[str, Any] = {
    "version": "2.0",
    "metadata": {
        "apiVersion": "2024-05-01",
        "protocol": "query",
        "serviceId": "Own",
        "xmlNamespace": "urn:own",
        "endpointPrefix": "own",
        "signatureVersion": "v4",
        "serviceFullName": "Own",
    },
    "operations": {
        "Do": {
            "name": "Do",
            "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": "All"},
            "output": {"shape": "All", "resultWrapper": "DoResult"},
        }
    },
    "shapes": {
        "All": {
            "type": "structure",
            "members": {
                "Map": {"shape": "Map"},
                "FlatMap": {"shape": "Map", "flattened": True},
                "NamedMap": {"shape": "NamedMap", "locationName": "OtherMap"},
                "List": {"shape": "List"},
                "FlatList": {"shape": "List", "flattened": True},
                "Items": {"shape": "NamedList"},
                "FlatItems": {"shape": "FlatItems"},
                "Blob": {"shape": "Blob"},
                "Flag": {"shape": "Flag"},
                "Ratio": {"shape": "Ratio"},
                "When": {"shape": "When"},
                "Inner": {"shape": "All2"},
            },
        },
        "All2": {"type": "structure", "members": {"Map": {"shape": "Map"}}},
        "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
        "NamedMap": {
            "type": "map",
            "key": {"shape": "Text", "locationName": "Name"},
            "value": {"shape": "Text", "locationName": "Content"},
        },
        "List": {"type": "list", "member": {"shape": "Text"}},
        "NamedList": {"type": "list", "member": {"shape": "Text", "locationName": "item"}},
        "FlatItems": {
            "type": "list",
            "member": {"shape": "Text", "locationName": "FlatItem"},
            "flattened": True,
        },
        "Text": {"type": "string"},
        "Blob": {"type": "blob"},
        "Flag": {"type": "boolean"},
        "Ratio": {"type": "double"},
        "When": {"type": "timestamp"},
    },
}

VALUES: dict[str, Any] = {
    "Map": {"a": "1", "b&": "2"},
    "FlatMap": {"c": "3", "d": "4"},
    "NamedMap": {"e": "5"},
    "List": ["x", "y"],
    "FlatList": ["z", ""],
    "Items": ["i"],
    "FlatItems": ["f", "g"],
    "Blob": b"\x00\xff",
    "Flag": False,
    "Ratio": 0.5,
    "Inner": {"Map": {"k": "v"}},
}


def own(tmp_path: Path, **changes: Any) -> ServiceModel:
    path = tmp_path / "service-2.json"
    path.write_text(json.dumps({**MODEL, **changes}))
    return load(path)


def form(values: dict[str, Any]) -> bytes:
    theirs = TheirModel(deepcopy(MODEL)).operation_model("Do")
    serializer = create_serializer("query", include_validation=False)
    return urlencode(serializer.serialize_to_request(values, theirs)["body"]).encode()


def test_botocore_s_forms_are_read(tmp_path: Path) -> None:
    model, body = own(tmp_path), form(VALUES)
    request = Request("POST", "/", "", {})
    assert model.route(request, "/", body) == "Do"
    assert model.decode("Do", request, "/", body) == VALUES


def test_botocore_reads_our_documents(tmp_path: Path) -> None:
    response = own(tmp_path).encode("Do", VALUES, "id")
    shape = TheirModel(deepcopy(MODEL)).operation_model("Do").output_shape
    answer = {"status_code": 200, "headers": {}, "body": response.body}
    found = create_parser("query").parse(answer, shape)
    assert found.pop("ResponseMetadata")["RequestId"] == "id"
    assert found == VALUES


@pytest.mark.parametrize(
    "parameters",
    [
        "Map.entry.1.key=a&Map.entry.1.value=1&Map.entry.2.key=a&Map.entry.2.value=2",
        "Map.entry.1.key=a",
        "Map.1.key=a&Map.1.value=b",
        "Map=a",
        "Flag=yes",
        "Blob=%21",
        "Ratio=inf",
        "Ratio=1_0",
        "When=soon",
    ],
)
def test_forms_that_do_not_fit(tmp_path: Path, parameters: str) -> None:
    body = f"Action=Do&Version=2024-05-01&{parameters}".encode()
    with pytest.raises(ServiceError) as caught:
        own(tmp_path).decode("Do", Request("POST", "/", "", {}), "/", body)
    assert (caught.value.code, caught.value.status) == ("MalformedInput", 400)


def test_gzipped_models_are_read(tmp_path: Path) -> None:
    path = tmp_path / "service-2.json.gz"
    path.write_bytes(gzip.compress(json.dumps(MODEL).encode()))
    assert load(path).operations == {"Do"}


def test_unknown_services_and_protocols_are_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nonsense"):
        load_model("nonsense")
    with pytest.raises(ModelError, match="smoke-signals"):
        own(tmp_path, metadata={**MODEL["metadata"], "protocol": "smoke-signals"})


def test_shapes_that_are_missing_or_hold_themselves_are_refused(tmp_path: Path) -> None:
    missing = {**MODEL["shapes"], "All2": {"type": "list", "member": {"shape": "Nothing"}}}
    with pytest.raises(ModelError, match="Nothing"):
        own(tmp_path, shapes=missing).streams("Do")
    endless = {**MODEL["shapes"], "All2": {"type": "list", "member": {"shape": "All2"}}}
    with pytest.raises(ModelError, match="All2"):
        own(tmp_path, shapes=endless).streams("Do")
