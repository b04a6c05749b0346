"""The report of `convert`: as text, as JSON, as HTML, and as certificates."""

import json

import pytest
from interop.modules import data, linear
from torch import nn

from exactflow import checker
from exactflow.errors import InvalidInputError
from exactflow.interop import convert


def test_the_report_in_all_its_forms(tmp_path):
    model = nn.Sequential(linear(), linear(4, bias=False), nn.ReLU(), linear())
    _, report = convert(model, data(5, 4))
    table = report.table().splitlines()
    assert table[0].split()[:3] == ["layer", "was", "d"]
    assert table[1].startswith("0 + 1")
    reason = "not a type that convert knows"
    assert table[3] == f"left: ReLU, {reason}: 2"
    assert table[-1] == str(report)
    assert "2 layers converted to 12 couplings, certified within" in str(report)
    content = json.loads(report.to_json())
    assert [layer["path"] for layer in content["layers"]] == ["0", "3"]
    assert content["layers"][0]["merged"] == ["1"]
    assert 0 < content["layers"][0]["error"] < 1e-15 < content["layers"][0]["relative_error"]
    assert content["left"] == [{"path": "2", "kind": "ReLU", "reason": reason}]
    assert content["inverse_difference"] is None
    assert report._repr_html_().count("<tr>") == 3
    narrow = report.table(40).splitlines()
    assert narrow[0].startswith("layer 0 + 1, was Linear, d 4")


def test_certificates_of_layers(tmp_path):
    model = nn.Sequential(linear(), nn.ReLU(), linear())
    _, report = convert(model)
    files = report.write_certificates(tmp_path)
    assert [file.name for file in files] == ["0.json", "2.json"]
    for file in files:
        assert checker.main([str(file)]) == 0
    with pytest.raises(InvalidInputError, match="no such folder"):
        report.write_certificates(tmp_path / "none")
