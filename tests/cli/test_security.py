"""The promises of SECURITY.md that no other test of files and verdicts holds."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exactflow import checker, cli, factor, save

PAGE = Path(__file__).parents[2] / ".github" / "SECURITY.md"
COMMANDS = re.findall(r"`([^`]+)`", PAGE.read_text("utf-8").replace("\n", " "))
M = [[2, 1], [1, 1]]
NAMES = ["../escape", "/escape", "--output=escape", "-o escape", "$(touch escape)"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt", ".json"])
def test_a_name_in_a_file_becomes_no_path_and_no_option(
    tmp_path, monkeypatch, capsys, suffix, name
):
    folder, path = tmp_path / "a" / "b", Path(f"w{suffix}")
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    match suffix:
        case ".npz":
            np.savez(path, **{name: np.array(M)})
        case ".safetensors":
            library = pytest.importorskip("safetensors.numpy")
            library.save_file({name: np.array(M)}, path)
        case ".pt":
            torch = pytest.importorskip("torch")
            torch.save({name: torch.tensor(M)}, path)
        case ".json":
            save(factor(M), path)
            content = json.loads(path.read_text())
            content["provenance"] |= {"source": name}
            path.write_text(json.dumps(content))
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["check" if suffix == ".json" else "factor", str(path)]) == 0
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/escape").exists()
    assert capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit and timeout of Linux")
def test_the_limits_of_the_page_are_limits_of_the_checker(tmp_path):
    (command,) = (text for text in COMMANDS if "ulimit" in text)
    shutil.copy(checker.__file__, tmp_path)
    save(factor(M), tmp_path / "cert.json")
    found = {}
    for limit in (command, command.replace("timeout 60", "timeout 0.001")):
        called = limit.replace("python", f"'{sys.executable}'")
        done = subprocess.run(["bash", "-c", called], cwd=tmp_path, capture_output=True, text=True)
        found[limit] = done.returncode, done.stdout.splitlines()[-1:]
    assert [*found.values()] == [(0, ["s VERIFIED"]), (124, [])]


def test_the_time_limit_of_the_page_is_an_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(factor(M), "c.json")
    (option,) = (text for text in COMMANDS if text.startswith("exactflow check --"))
    assert cli.main([*option.split()[1:], "c.json"]) == 0
