"""The public interface, word for word: what 1.x keeps is what stands here."""

import inspect
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

import exactflow

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
    "convert": "example",
    "proof_options": "argv",
    "toeplitz": "row",
}
"""Objects acted on, and parts of values, that may be left out: other defaults are of options."""


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_module_exports_this_and_nothing_else(module):
    assert sorted(import_module(module).__all__) == sorted(PUBLIC[module].split())


def of_class(name, value):
    """The methods of a class that are written here, and its constructor unless its fields are."""
    own = {
        f"{name}.{method}": getattr(held, "__func__", held)
        for method, held in inspect.getmembers(value, inspect.isroutine)
        if not method.startswith("_")
    }
    generated = getattr(value, "__dataclass_params__", None)
    if "__init__" in vars(value) and not (generated and generated.init):
        own[name] = value.__init__
    return own


def callables():
    """Public functions, methods and constructors, by name."""
    found = {}
    for module, names in PUBLIC.items():
        for name in names.split():
            value = getattr(import_module(module), name)
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
    pytest.importorskip("torch")  # for the functions of interop
    positional = {}
    for name, function in callables().items():
        parameters = inspect.signature(function).parameters.values()
        by_place = [x for x in parameters if x.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        optional = [x.name for x in by_place if x.default is not inspect.Parameter.empty]
        if optional:
            positional[name] = " ".join(optional)
    assert positional == WITH_DEFAULTS


def test_types_are_shipped():
    assert files(exactflow).joinpath("py.typed").is_file()


def test_the_page_names_each_public_module():
    text = PAGE.read_text("utf-8")
    assert [module for module in PUBLIC if f"`{module}`" not in text] == []
