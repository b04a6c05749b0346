"""An extra is blamed where its library is missing, and nowhere else."""

import sys

import pytest

from exactflow.errors import MissingExtraError, require


def test_returns_the_module():
    assert require("json.decoder", "torch", "a test") is sys.modules["json.decoder"]


@pytest.mark.parametrize("missing", ["there", "there.inside"])
def test_blames_the_extra_for_its_own_module(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"a test needs .*pip install 'exactflow\[torch\]'"):
        require(missing, "torch", "a test")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("import no_such_dependency", ModuleNotFoundError),
        ("import broken_library.no_such_part", ModuleNotFoundError),
        ("raise ModuleNotFoundError('nameless')", ModuleNotFoundError),
        ("raise ImportError('wrong version')", ImportError),
        ("raise OSError('a shared object is missing')", OSError),
    ],
)
def test_a_broken_library_is_shown_as_it_is(tmp_path, monkeypatch, content, error):
    (tmp_path / "broken_library.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(error) as raised:
        require("broken_library", "torch", "a test")
    assert not isinstance(raised.value, MissingExtraError)
