"""No text is ever evaluated: hostile strings, fed to everything that the package makes public.

The list is read off the modules, so that a new function is in it. Every parameter of
every callable gets each form of the hostile text once, while the others have good values where
`GOOD` knows the name. What comes out does not matter, but for the doors, which must refuse by name.
"""

import contextlib
import importlib
import inspect
import io
import pkgutil
import warnings

import numpy as np
import pytest
import sympy
from sympy import QQ, Symbol, sqrt

import exactflow
from exactflow import CouplingFlow, LinearCoupling
from exactflow.errors import ExactFlowError, MissingExtraError
from exactflow.floats import lossless
from exactflow.flows import nonlinear
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws import conditioning, universal
from exactflow.linear import padding
from proofs.experiments import inversion, likelihood

t = Symbol("t")
SHEAR = LinearCoupling((1, 1), "first", [[1]])
FLOW = CouplingFlow([SHEAR])
FAMILY = exactflow.factor([[t, t], [0, 1]], scales="nonzero")
BUMP = PiecewiseLinear([-1, 0, 1], [0, 1, 0])
PIECE = nonlinear.PiecewiseCoupling((1, 1), "second", BUMP)
VALUES = [SHEAR, FLOW, FAMILY, BUMP, PIECE, nonlinear.PiecewiseFlow([PIECE])]
VALUES += [lossless.lossless([[1, 2], [0, 1]])]
VALUES += [exactflow.interpolate([[0, 0], [1, 1]], [[0, 1], [0, 0]], bijective_on_integers=True)]

GOOD = {
    "A": [[1, 2], [0, 1]],
    "M": [[1, 2], [0, 1]],
    "Sigma": [[2, 1], [1, 2]],
    "W": [[1, 2], [0, 1]],
    "covariance": [[1, 0], [0, 1]],
    "column": [1, 2],
    "conditioner": BUMP,
    "dimension": 2,
    "eps": "1/10",
    "field": QQ,
    "subfield": QQ,
    "flow": FLOW,
    "images": [[1, 0], [0, 0]],
    "inner": 0,
    "knots": [0, 1],
    "layers": [SHEAR],
    "lipschitz": 100,
    "lower": [0, 0],
    "moves": "second",
    "outer": 1,
    "padding": "zero",
    "partition": (1, 1),
    "layer_partition": (1, 1),
    "path": "none/c.json",
    "points": [[0, 0], [1, 1]],
    "radius": 1,
    "result": FLOW,
    "s": 2,
    "sample": [[1, 1]],
    "shift": [[1]],
    "target": universal.uniform([0, 0], [1, 1]),
    "upper": [1, 1],
    "values": [0, 1],
    "w": "1/10",
    "d": 4,
    "matrix_size": 4,
    "k": 3,
}

DOORS = (exactflow, conditioning, padding, lossless, nonlinear, universal, inversion, likelihood)


def forms(text: str) -> list:
    """Return what may hold a string where numbers are expected."""
    return [
        text,
        [text],
        [text, sqrt(2)],
        [[text, 1], [0, 1]],
        [[sqrt(2), text], [0, 1]],
        ((t, text), (0, 1)),
        np.array([[text, "1"], ["0", "1"]]),
        np.array([[sqrt(2), text], [0, 1]], dtype=object),
        {text: 1},
        {t: text},
    ]


ENTRANCES = "exactflow.exact.coerce", "exactflow.exact.numbers", "exactflow.files"
"""Where numbers and files of others are read."""


def public() -> list:
    """Return all callables that a module lists as public, and those of the rooms of ENTRANCES."""
    found = {}
    for module in pkgutil.walk_packages(exactflow.__path__, "exactflow."):
        if module.name in ("exactflow.__main__", "exactflow.pytest_plugin"):
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                module = importlib.import_module(module.name)
        except ImportError:  # a library of an extra
            continue
        own = vars(module) if module.__name__.startswith(ENTRANCES) else ()
        for name in {*getattr(module, "__all__", ()), *own}:
            try:
                value = getattr(module, name)
            except MissingExtraError:
                continue
            of_module = getattr(value, "__module__", None) or ""
            if not name.startswith("_") and callable(value) and of_module.startswith("exactflow"):
                found[of_module, name] = value
    del found["exactflow.files.parallel", "wait_and_exit_with_parent"]  # it ends the process
    return list(found.values())


def methods(value) -> list:
    """Return the public methods of a value that take something."""
    names = [name for name in dir(value) if not name.startswith("_") or name == "__call__"]
    with_type = ((name, inspect.getattr_static(type(value), name, None)) for name in names)
    return [getattr(value, name) for name, member in with_type if inspect.isfunction(member)]


def parameters(function) -> list:
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:  # a builtin
        return []


def calls(function, hostile):
    """Yield the parameter that is hostile, and all arguments by name."""
    listed = [
        p for p in parameters(function) if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    for parameter in listed:
        arguments = {
            p.name: GOOD.get(p.name, hostile)
            for p in listed
            if p.default is inspect.Parameter.empty
        }
        yield parameter, {**arguments, parameter.name: hostile}


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """Return a text that, if it is evaluated, creates the file that is returned with it."""
    monkeypatch.chdir(tmp_path)
    seen = tmp_path / "seen"
    return f"__import__('pathlib').Path({str(seen)!r}).touch()", seen


def test_the_text_has_an_effect_where_it_is_evaluated(hostile):
    text, seen = hostile
    with contextlib.suppress(Exception):
        sympy.Matrix([[sqrt(2), text]])
    assert seen.exists()


@pytest.mark.filterwarnings("ignore")
def test_nothing_public_evaluates_text(hostile):
    text, seen = hostile
    functions = [*public(), *(method for value in VALUES for method in methods(value))]
    assert len(functions) > 150
    evaluated = []
    for function in functions:
        for form in forms(text):
            for parameter, arguments in calls(function, form):
                with (
                    contextlib.suppress(Exception, SystemExit),
                    contextlib.redirect_stdout(io.StringIO()),
                    contextlib.redirect_stderr(io.StringIO()),
                ):
                    function(**arguments)
                if seen.exists():
                    evaluated.append(f"{function.__qualname__} evaluates {parameter} in {form}")
                    seen.unlink()
    assert evaluated == []


ANY_FORM = {"A", "J", "M", "W", "column", "covariance", "eps", "inner", "left", "lipschitz"}
ANY_FORM |= {"lower", "outer", "points", "radius", "right", "row", "s", "sample", "scale", "shift"}
ANY_FORM |= {"Sigma", "images", "mean"}
ANY_FORM |= {"skew", "start", "stop", "target", "tol", "upper", "w", "x"}


MADE = universal.W2Approximation, universal.KLApproximation, conditioning.ConditioningBounds


def doors() -> list:
    """Return the callables of the doors with each parameter that may have any form."""
    named = [getattr(door, name) for door in DOORS for name in door.__all__]
    listed = {value for value in named if callable(value)}
    for value in VALUES:
        listed |= set(methods(value))
    return [
        pytest.param(value, parameter, id=f"{value.__qualname__}-{parameter.name}")
        for value in sorted(filter(callable, listed), key=lambda value: value.__qualname__)
        for parameter in parameters(value)
        if parameter.name in ANY_FORM
        and value not in (BUMP.value_at, BUMP.slope_right_of)  # inner functions, of elements of QQ
        and value not in MADE
    ]


@pytest.mark.parametrize(("function", "parameter"), doors())
def test_doors_refuse_text_by_name(function, parameter):
    for hostile in forms("__import__('os')"):
        arguments = next(args for p, args in calls(function, hostile) if p.name == parameter.name)
        with pytest.raises(ExactFlowError, match="expected"):
            function(**arguments)
