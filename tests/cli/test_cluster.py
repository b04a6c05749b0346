"""Certificates and scripts on dask's workers: the same verdicts, and few are lost with a worker."""

import json
import os
import signal
from pathlib import Path

import pytest
from cli.scripts import HOLDS

from exactflow.cli import check, main
from exactflow.errors import ProcessDiedError
from exactflow.files.parallel import parallel_map

CERTIFICATE = Path(__file__).parents[1] / "corpus" / "correct" / "sqrt2.json"
COUNT, KILLERS = 1_000, (17, 800)


def killing(function, names):
    """Return a function that ends its process for some names, and else calls another one."""

    def called(name, **options):
        if Path(str(name)).name in names:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(name, **options)

    return called


def linked(folder, count):
    """Return the paths of copies of one certificate, as links."""
    paths = [folder / f"{k}.json" for k in range(count)]
    for path in paths:
        os.link(CERTIFICATE, path)
    return [str(path) for path in paths]


def verdicts(capsys):
    records = map(json.loads, capsys.readouterr().out.splitlines())
    return [(record["file"], record["verdict"]) for record in records]


@pytest.fixture
def cluster():
    """Start two workers; a task that ends its worker is given up at once."""
    distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as found,
        dask.config.set({"scheduler-address": found.scheduler_address}),
    ):
        yield found


@pytest.mark.parametrize(
    ("options", "count"),
    [([], 12), pytest.param(["--backend", "loky"], 40, marks=pytest.mark.slow)],
    ids=["default", "loky"],
)
def test_a_killed_worker_here_costs_its_own_verdicts_and_no_other(
    capsys, tmp_path, monkeypatch, options, count
):
    files = linked(tmp_path, count)
    monkeypatch.setattr(check, "check_certificate", killing(check.check_certificate, {"7.json"}))
    assert main(["check", *files, "--json", "-j", "2", *options]) == 3
    expected = [(file, "incomplete" if file == files[7] else "verified") for file in files]
    assert verdicts(capsys) == expected


def test_without_a_result_for_what_is_lost_a_killed_worker_is_an_error():
    with pytest.raises(ProcessDiedError, match="a worker process ended"):
        list(parallel_map(killing(str, {"1"}), range(3), jobs=2))


@pytest.mark.parametrize(
    ("backend", "says"), [("no such", "expected a backend among"), ("dask", "dask")]
)
def test_a_backend_that_cannot_be_used_is_refused(capsys, monkeypatch, backend, says):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    assert main(["check", str(CERTIFICATE), "--backend", backend]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert says in captured.err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_thousand_certificates_on_a_cluster_that_loses_workers(
    capsys, tmp_path, monkeypatch, cluster
):
    files = linked(tmp_path, COUNT)
    killers = {f"{k}.json" for k in KILLERS}
    monkeypatch.setattr(check, "check_certificate", killing(check.check_certificate, killers))
    assert main(["check", *files, "--json", "--backend", "dask"]) == 3
    found = verdicts(capsys)
    assert [file for file, _ in found] == files
    lost = [file for file, verdict in found if verdict != "verified"]
    assert lost == [files[k] for k in KILLERS]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_scripts_run_on_a_cluster(capsys, tmp_path, cluster):
    paths = [tmp_path / f"{name}.py" for name in "ab"]
    for path in paths:
        path.write_text(HOLDS)
    assert main(["prove", *map(str, paths), "--backend", "dask", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["verdict"] for record in records] == ["passed", "passed"]
