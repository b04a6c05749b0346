"""The public interface: 1.x keeps what stands here and in interface.txt, and may add to it.

Run with every extra, this file writes interface.txt.
"""

import contextlib
import inspect
import io
import json
import os
import re
import tempfile
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import exactflow
from exactflow import checker, cli, pytest_plugin
from exactflow.claims import Evidence

WRITTEN = Path(__file__).parent / "interface.txt"
PAGE = Path(__file__).parent.parent / "proofs" / "book" / "reference" / "stability.md"

PUBLIC = {
    "exactflow": (
        "CouplingFlow ExactFlowError LinearCoupling append_swap approximate balance "
        "cayley_rotation circulant conv1x1 convert diagnose explain factor interpolate load "
        "minimal_depth permutation random_matrix save theorems to_module toeplitz verify whiten"
    ),
    "exactflow.claims": "Check Claim Claims Evidence Options ProofError proof_options",
    "exactflow.errors": (
        "CertificateError ExactFlowError FieldTooSmallError InvalidInputError "
        "MethodError MissingExtraError OrientationError ProcessDiedError SingularMatrixError "
        "UndecidedClaimError VerificationError"
    ),
    "exactflow.explanation": "Explanation Step",
    "exactflow.floats.balancing": "METHODS ORIENTATIONS Balanced FloatCoupling balance",
    "exactflow.floats.lossless": (
        "FLIPPINGS LIMIT METHODS DistanceBound IntegerCoupling Lossless LosslessInverse lossless"
    ),
    "exactflow.flows.nonlinear": "MergedCoupling PiecewiseCoupling PiecewiseFlow",
    "exactflow.flows.nonlinear.piecewise": "PiecewiseLinear",
    "exactflow.flows.partition": "mask_order",
    "exactflow.flows.verification": "Verification verify",
    "exactflow.interop": (
        "LIBRARIES AffineMap convert diagnose linear_map restore rounding_error_bound to_module"
    ),
    "exactflow.laws.conditioning": (
        "ConditioningBounds Gaussian condition_number bound_conditioning singular_values"
    ),
    "exactflow.laws.gaussian": "Whitening whiten",
    "exactflow.laws.universal": (
        "Atoms Boxes GaussianMixture Histogram KLApproximation KLBound Product "
        "TargetMeasure W2Approximation W2Bound approximate checkerboard empirical_measure uniform"
    ),
    "exactflow.linear.depth": "DEPTH_SCALES CertifiedDepth MinimalDepth Obstruction minimal_depth",
    "exactflow.linear.factor": "METHODS ORIENTATIONS SCALES explain factor",
    "exactflow.linear.interpolation": "ShortestInterpolation interpolate",
    "exactflow.linear.masks": "merge_masks",
    "exactflow.linear.padding": "zero_padding",
    "exactflow.linear.targets": (
        "append_swap cayley_rotation circulant conv1x1 permutation random_matrix toeplitz"
    ),
    "exactflow.proving.strategies": (
        "matrices_with_degenerate_blocks flows matrices partitions permutations rationals"
    ),
    "exactflow.proving.theory": "Challenge Hypothesis Theorem Theorems theorems",
    "exactflow.testing": "assert_depth assert_equal assert_invertible assert_within",
}

WITH_DEFAULTS = {
    "Atoms": "weights",
    "Boxes": "weights",
    "Check.equal": "label",
    "Check.identity": "label",
    "Check.true": "label",
    "CouplingFlow": "layers partition",
    "GaussianMixture": "deviations weights",
    "LinearCoupling": "scale",
    "LinearCoupling.trusted": "scale",
    "PiecewiseCoupling": "scale reads",
    "PiecewiseFlow.log_abs_det": "x",
    "PiecewiseLinear": "left right",
    "Theorem.challenge": "n",
    "Theorems.get": "default",  # as that of every mapping
    "convert": "example",
    "proof_options": "argv",
    "toeplitz": "row",
}
"""Objects acted on, and parts of values, that may be left out: other defaults are of options."""

HAS_TORCH = find_spec("torch") is not None
OF_TORCH = {"convert", "diagnose", "linear_map", "restore", "exactflow diagnose --json"}
"""What needs PyTorch. Where it is not installed the rest is compared; CI does both."""


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_module_exports_this_and_nothing_else(module):
    assert sorted(import_module(module).__all__) == sorted(PUBLIC[module].split())


def is_method(member):
    """Whether a member of a class is called; Python 3.13 takes a cached property for a routine."""
    return inspect.isroutine(member) and callable(member)


def of_class(name, value):
    """The methods of a class that are written here, and its constructor unless its fields are."""
    own = {
        f"{name}.{method}": getattr(held, "__func__", held)
        for method, held in inspect.getmembers(value, is_method)
        if not method.startswith("_")
    }
    generated = getattr(value, "__dataclass_params__", None)
    if "__init__" in vars(value) and not (generated and generated.init):
        own[name] = value.__init__
    return own


def values():
    """Yield public functions and classes with their names."""
    for module, names in PUBLIC.items():
        for name in names.split():
            if HAS_TORCH or name not in OF_TORCH:
                yield name, getattr(import_module(module), name)


def callables():
    """Public functions, methods and constructors, by name."""
    found = {}
    for name, value in values():
        if inspect.isclass(value):
            found |= of_class(name, value)
        elif inspect.isfunction(value):
            found[name] = value
    return {
        name: value
        for name, value in found.items()
        if (getattr(value, "__module__", None) or "").startswith("exactflow")
    }


def test_options_are_given_by_keyword():
    positional, found = {}, callables()
    for name, function in found.items():
        parameters = inspect.signature(function).parameters.values()
        by_place = [x for x in parameters if x.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        optional = [x.name for x in by_place if x.default is not inspect.Parameter.empty]
        if optional:
            positional[name] = " ".join(optional)
    assert positional == {name: WITH_DEFAULTS[name] for name in WITH_DEFAULTS if name in found}


# ---- what stands in interface.txt


def signatures():
    """Yield each public callable with its parameters, their kinds and defaults."""
    for name, function in callables().items():
        signature = inspect.signature(function)
        bare = [x.replace(annotation=x.empty) for x in signature.parameters.values()]
        yield name, str(signature.replace(parameters=bare, return_annotation=signature.empty))


def attributes():
    """Yield each public class with the attributes that a reader of a value may use."""
    for name, value in values():
        if inspect.isclass(value):
            bases = [base for base in value.__mro__ if base.__module__.startswith("exactflow")]
            found = {x for base in bases for x in base.__dict__ if not is_method(getattr(base, x))}
            for base in bases:
                found |= vars(base).get("__annotations__", {}).keys()
            yield f"{name}, attributes", " ".join(sorted(x for x in found if x[0] != "_"))


def printed(*arguments):
    """Return what a command prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        cli.main([*arguments])
    return out.getvalue()


def keys(record):
    """Return the keys of a record of JSON, each with those of the first record that it holds."""
    first = record[0] if isinstance(record, list) and record else record
    if not isinstance(first, dict):
        return ""
    return f"({' '.join(key + keys(value) for key, value in first.items())})"


SCRIPT = """\
from exactflow.claims import Claims, Evidence

with Claims("mine").check("one is one", Evidence.EXACT) as check:
    check.equal(1, 1)
"""
MODEL = (
    "import exactflow\nmodel = exactflow.to_module(exactflow.factor([[2, 1], [1, 1]])).float()\n"
)
COMMANDS = (
    "factor m.csv",
    "depth m.csv",
    "balance m.csv",
    "whiten sigma.csv",
    "check c.json",
    "prove script.py",
    "theorems partitions --check m.csv",
    "theorems partitions --challenge 1",
    "explain m.csv",
    "diagnose model.py:model x.npy",
)


def records():
    """Yield the keys of the JSON of each command, which works in the present folder."""
    Path("m.csv").write_text("2,1\n1,1\n")
    Path("sigma.csv").write_text("2,1\n1,2\n")
    Path("script.py").write_text(SCRIPT)
    Path("model.py").write_text(MODEL)
    np.save("x.npy", np.ones((3, 2), dtype=np.float32))
    printed("factor", "m.csv", "-o", "c.json")
    for command in COMMANDS:
        if said := printed(*command.split(), "--json"):
            yield f"exactflow {command.split(' ')[0]} --json", keys(json.loads(said))


class Options:
    """What a plugin adds to pytest's options."""

    def __init__(self):
        self.names = []

    def getgroup(self, *_):
        return self

    def addoption(self, name, *_, **__):
        self.names.append(name)

    addini = addoption


def options():
    """Yield the options of each command, of the plugin and of the checker; exit codes."""
    for name in cli.COMMANDS:
        shown = re.findall(r"^  -.*?(?:  |$)", printed(name, "--help"), re.MULTILINE)
        yield f"exactflow {name}", " ".join(re.findall(r"(?<!\w)--?[a-z][\w-]*|{.*?}", str(shown)))
    yield "exit codes", " ".join(map(str, cli.EXIT_CODES))
    yield "checker.py", re.search(r"^Usage: +(.*)", checker.__doc__, re.MULTILINE)[1]
    added = Options()
    pytest_plugin.pytest_addoption(added)
    yield "pytest", " ".join(name for name in added.names if name != "--force-regen")
    yield "theorems", ", ".join(exactflow.theorems)
    yield "evidence", ", ".join(f"{kind.name} {kind.value}" for kind in Evidence)


def interface():
    """Return the texts of interface.txt by their names."""
    return {name: text for part in (signatures, attributes, options, records)
            for name, text in part()}  # fmt: skip


def keeps(found, kept):
    """Whether a text has all words of another one, in their order, and nothing new that a caller
    must pass.
    """
    pattern = r"[^\s,(){}]+|[(){}]"
    words, new = iter(re.findall(pattern, found)), []
    for word in re.findall(pattern, kept):
        for other in words:
            if other == word:
                break
            new.append(other)
        else:
            return False
    is_signature = kept.startswith("(") and ", " in found  # keys of JSON have no commas
    return not is_signature or all("=" in word or word in "*(){}" for word in [*new, *words])


@pytest.mark.parametrize(
    ("kept", "found", "is_kept"),
    [
        ("(M, *, p=None)", "(M, *, n=(), p=None, q=1)", True),
        ("(M, *, p=None)", "(M, N, *, p=None)", False),
        ("(M, *, p=None)", "(M, *, p)", False),
        ("(M, *, p=None)", "(M, *, p=0)", False),
        ("(M, *, p=None)", "(*, M, p=None)", False),
        ("(M, *, p=None)", "(M, p=None)", False),
        ("(M)", "(M, N)", False),
        ("(depth layers(moves) pads)", "(depth layers(bits moves) lower pads)", True),
        ("(depth layers(moves) pads)", "(depth layers() pads)", False),
        ("six layers, families", "six layers, mine, families", True),
        ("six layers, families", "six layers", False),
        ("", "depth", True),
    ],
)
def test_what_is_kept_may_get_more_but_nothing_that_must_be_passed(kept, found, is_kept):
    assert keeps(found, kept) == is_kept


def test_what_1_x_keeps_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    found, lines = interface(), WRITTEN.read_text("utf-8").splitlines()
    kept = dict(line.split(": ", 1) for line in lines)
    if not HAS_TORCH:
        kept = {name: text for name, text in kept.items() if name not in OF_TORCH}
    assert [name for name, text in kept.items() if not keeps(found.get(name, ""), text)] == []


def test_each_error_is_caught_by_the_name_at_the_root():
    errors = import_module("exactflow.errors")
    named = [getattr(errors, name) for name in errors.__all__]
    assert [error for error in named if not issubclass(error, exactflow.ExactFlowError)] == []


def test_types_are_shipped():
    assert files(exactflow).joinpath("py.typed").is_file()


def test_the_page_names_each_public_module():
    text = PAGE.read_text("utf-8")
    assert [module for module in PUBLIC if f"`{module}`" not in text] == []


if __name__ == "__main__":
    os.environ["COLUMNS"] = "200"
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        lines = sorted(f"{name}: {text}" for name, text in interface().items())
        WRITTEN.write_text("\n".join([*lines, ""]), "utf-8")
