"""The report of `convert`: as text, as JSON, as HTML, and as certificates."""

import json

from interop.modules import data, linear
from torch import nn

from exactflow import checker
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
    assert max(map(len, report.table(width=60).splitlines()[:4])) <= 60


def test_certificates_of_layers(tmp_path):
    model = nn.Sequential(linear(), nn.ReLU(), linear())
    _, report = convert(model)
    assert report.layers
    for layer in report.layers:
        file = tmp_path / f"{layer.path}.json"
        file.write_text(layer.certificate())
        assert checker.main([str(file)]) == 0
