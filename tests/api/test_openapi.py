"""The OpenAPI document, as it was last agreed on: clients are generated from it."""

import json
import os
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).parent / "openapi.json"
RENEW = "JUDGE_RENEW_OPENAPI=1 pytest tests/api/test_openapi.py"


def written(document):
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.fixture
def document(app):
    return json.loads(json.dumps(app.openapi()))


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_document_is_as_agreed(document):
    document["info"]["version"] = "0"
    if os.environ.get("JUDGE_RENEW_OPENAPI"):
        SNAPSHOT.write_text(written(document))
    agreed = SNAPSHOT.read_text() if SNAPSHOT.exists() else ""
    assert written(document) == agreed, f"if that is meant: {RENEW}, and commit {SNAPSHOT.name}"


def test_asking_twice_changes_nothing(app):
    assert written(app.openapi()) == written(app.openapi())


def test_every_operation_has_a_name_of_its_own_and_documents_its_failures(document):
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for where, operation in operations(document):
        assert operation["operationId"].replace("_", "").isalpha(), where
        said = operation["responses"]
        expected = {"400", "422", "503"}
        if where not in ("GET /healthz", "GET /readyz"):
            expected |= {"401", "403", "429"}
            assert operation["security"] == [{"key": []}]
        if where.startswith("POST"):
            expected.add("409")
            named = [each["name"] for each in operation["parameters"]]
            assert named.count("Idempotency-Key") == 1, where
        if "requestBody" in operation:
            expected |= {"408", "413", "415"}
        if "{" in where:
            expected.add("404")
        assert expected <= said.keys(), where
        for status, answer in said.items():
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"], (where, status)


def test_every_text_and_list_that_is_taken_is_bounded(document):
    def unbounded(schema, where):
        schema = document["components"]["schemas"].get(
            schema.get("$ref", "").split("/")[-1], schema
        )
        for name, field in schema.get("properties", {}).items():
            yield from unbounded(field, f"{where}.{name}")
        for each in schema.get("anyOf", []):
            yield from unbounded(each, where)
        if schema.get("type") == "array":
            yield from unbounded(schema["items"], f"{where}[]")
            if "maxItems" not in schema:
                yield where
        bounded = {"maxLength", "enum", "const", "contentMediaType", "format", "pattern"}
        if schema.get("type") == "string" and not bounded & schema.keys():
            yield where

    found = []
    for where, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] != "path":  # an address is bounded by the server
                found += unbounded(parameter["schema"], f"{where} {parameter['name']}")
        for kind in operation.get("requestBody", {}).get("content", {}).values():
            found += unbounded(kind["schema"], where)
    assert found == []
