"""Sample files are served as they are."""

from starlette.testclient import TestClient

from aispend_pipeline.simulator.samples import openai_samples, samples

from ..conftest import ROOT, SAMPLES


def test_samples_are_served_byte_for_byte():
    file = SAMPLES / "costs_documented_ungrouped.json"
    client = TestClient(openai_samples(file))

    assert client.get("/v1/organization/costs", params={"whatever": 1}).content == file.read_bytes()


def test_each_path_has_its_own_file():
    folder = ROOT / "data" / "samples"
    files = {
        "/v1/organization/usage/completions": folder / "openai" / "usage_completions_documented.json",
        "/v1/organizations/cost_report": folder / "anthropic" / "cost_report_documented.json",
    }
    client = TestClient(samples(files))

    assert {path: client.get(path).content for path in files} == {
        path: file.read_bytes() for path, file in files.items()
    }
    assert client.get("/v1/organization/users").status_code == 404
