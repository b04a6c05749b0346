"""Import times, each in a process of its own, against that of SymPy.

    python -m pytest tests/benchmarks/bench_import.py

The relative columns are the ratios. Both the interpreter's start and that of SymPy are part of the
other two.
"""

import subprocess
import sys

import pytest

STATEMENTS = ["pass", "import exactflow", "import sympy", "from exactflow import factor"]
STATEMENTS += ["import pytest", "import pytest, exactflow.pytest_plugin"]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_import(benchmark, statement):
    command = [sys.executable, "-c", statement]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=10, warmup_rounds=1)
