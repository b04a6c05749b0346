"""What a type checker reads off the package is what runs."""

import ast
from pathlib import Path
from typing import get_args

import pytest

import exactflow
from exactflow.floats import balancing
from exactflow.flows.orientation import Orientation
from exactflow.flows.result import DepthScales
from exactflow.linear import depth, factor
from exactflow.linear.factor.assembly import Scales


def test_the_root_shows_a_type_checker_what_it_imports_lazily():
    tree = ast.parse(Path(exactflow.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    homes = {}
    for node in block.body:
        (name,) = node.names
        assert name.asname == name.name  # an import that is meant to be seen
        homes[name.name] = node.module.removeprefix("exactflow.")
    assert homes == exactflow._HOMES


@pytest.mark.parametrize(
    ("options", "literal"),
    [
        (factor.ORIENTATIONS, Orientation),
        (factor.SCALES, Scales),
        (depth.DEPTH_SCALES[1:], DepthScales),
        (balancing.ORIENTATIONS, Orientation),
        (balancing.METHODS, balancing.BalanceMethod),
    ],
)
def test_options_are_defined_once(options, literal):
    assert options == get_args(literal)
