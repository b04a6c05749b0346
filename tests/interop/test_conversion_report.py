"""The report of `convert`, as text."""

from interop.modules import data, linear
from torch import nn

from exactflow.interop import convert


def test_the_report_in_all_its_forms():
    model = nn.Sequential(linear(), linear(4, bias=False), nn.ReLU(), linear())
    _, report = convert(model, data(5, 4))
    table = report.table().splitlines()
    assert table[0].split()[:3] == ["layer", "was", "d"]
    assert table[1].startswith("0 + 1")
    reason = "not a type that convert knows"
    assert table[3] == f"not converted: ReLU, {reason}: 2"
    assert table[-1] == report.summary
    assert "2 layers converted to 12 couplings, certified within" in report.summary
    assert [layer.path for layer in report.layers] == ["0", "3"]
    assert report.layers[0].merged == ("1",)
    assert 0 < report.layers[0].error < 1e-6
    assert vars(report.unconverted[0]) == {"path": "2", "kind": "ReLU", "reason": reason}
    assert report.inverse_difference is None
    assert repr(report) == str(report) == report.table()
    html = report._repr_html_()
    assert html.startswith(f"<p><b>{report.summary}</b></p><table")
    assert html.endswith(f"<ul><li>not converted: ReLU, {reason}: 2</li></ul>")
    assert html.count("<tr>") == 3
    assert max(map(len, report.table(width=60).splitlines()[:4])) <= 60
