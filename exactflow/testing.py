"""Assertions about flows and matrices for your tests; their errors name the first wrong entry.

Each assertion imports SymPy only when it is called, so that pytest starts fast. Strategies for
Hypothesis are in `exactflow.proving.strategies` (extra ``testing``). The plugin,
`exactflow.pytest_plugin`, collects certificates and proof scripts, and has the fixture
``certificate_regression``.
"""

import sys
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from sympy.logic.boolalg import Boolean
    from sympy.polys.matrices import DomainMatrix

    from exactflow.exact.typing import MatrixLike
    from exactflow.flows.flow import CouplingFlow
    from exactflow.flows.result import DepthScales

__all__ = ["assert_depth", "assert_equal", "assert_invertible", "assert_within"]


def assert_equal(flow: "CouplingFlow | MatrixLike", expected: "MatrixLike") -> None:
    """Assert that a flow, or a matrix, equals a matrix exactly, in every entry.

    Parameters
    ----------
    flow : a linear flow, or a square matrix in any form that `factor` takes.
    expected : a matrix of the same size; floats are the dyadic rationals that they are.

    Raises
    ------
    AssertionError
        The matrices differ. The message names the first differing entry, row by row; rows and
        columns are counted from 0.

    Examples
    --------
    >>> from exactflow import factor
    >>> assert_equal(factor([[1, 2], [0, 1]]), [[1, 2], [0, 1]])
    >>> assert_equal([["1/2", 1], [0, 2]], [["1/2", 1], [0, 3]])
    Traceback (most recent call last):
    ...
    AssertionError: expected 3 at entry (1, 1), derived 2
    """
    __tracebackhide__ = True
    from exactflow.flows.verification import first_differing_entry

    derived, wanted = _as_matrices_over_one_field(flow, expected)
    if (wrong := first_differing_entry(wanted, derived)) is not None:
        place, want, got = wrong
        raise AssertionError(f"expected {want} at entry {place}, derived {got}")


def assert_within(
    flow: "CouplingFlow | MatrixLike", expected: "MatrixLike", bound: Fraction | float | str
) -> None:
    """Assert that every entry of a matrix, or of the matrix of a flow, differs from the expected
    entry by at most a bound.

    The differences are exact rational numbers.

    Parameters
    ----------
    flow, expected : as in `assert_equal`, over QQ.
    bound : a rational number >= 0, as ``"1e-12"`` or a Fraction.

    Raises
    ------
    AssertionError
        A difference is larger than the bound. The message names the first such entry, and the
        largest difference.

    Examples
    --------
    >>> assert_within([[1, "0.3"], [0, 1]], [[1, 0.3], [0, 1]], "1e-16")
    >>> assert_within([[1, "0.3"], [0, 1]], [[1, "1/4"], [0, 1]], "1e-3")
    Traceback (most recent call last):
    ...
    AssertionError: expected 1/4 at entry (0, 1) within 1/1000, derived 3/10; the largest \
difference is 0.05, at entry (0, 1)
    """
    __tracebackhide__ = True
    from exactflow.errors import InvalidInputError
    from exactflow.exact.numbers import format_short, to_float, to_fraction

    derived, wanted = _as_matrices_over_one_field(flow, expected)
    if not wanted.domain.is_QQ:
        raise InvalidInputError(
            f"expected matrices over QQ for a bound, got matrices over {wanted.domain}"
        )
    allowed = to_fraction(bound)
    if allowed < 0:
        raise InvalidInputError(f"expected a bound >= 0, got {allowed}")
    entries = (map(to_fraction, M.to_list_flat()) for M in (wanted, derived))
    pairs = list(zip(*entries, strict=True))
    differences = [abs(want - got) for want, got in pairs]
    worst = max(range(len(pairs)), key=differences.__getitem__)
    if differences[worst] <= allowed:
        return
    k = next(k for k, difference in enumerate(differences) if difference > allowed)
    first, last = (divmod(n, wanted.shape[1]) for n in (k, worst))
    want, got = map(format_short, pairs[k])
    raise AssertionError(
        f"expected {want} at entry {first} within {format_short(allowed)}, derived {got}; the "
        f"largest difference is {to_float(differences[worst]):.3g}, at entry {last}"
    )


def assert_depth(
    M: "CouplingFlow | MatrixLike",
    n: int,
    *,
    scales: "DepthScales" = "additive",
    assume: "Iterable | Boolean" = (),
) -> None:
    """Assert that the minimal depth of a matrix is n, as `minimal_depth` decides it.

    With symbols the assertion is about all values that fulfil `assume`, except for roots of the
    `exceptional_polynomials` of the answer.

    Raises
    ------
    AssertionError
        The minimal depth is another number; the message has the obstructions to fewer layers.
    UndecidedClaimError
        The minimal depth is not decided, and n is within its bounds.

    Examples
    --------
    >>> assert_depth([[1, 2], [0, 1]], 1)
    >>> assert_depth([[1, 2], [3, 7]], 3)
    Traceback (most recent call last):
    ...
    AssertionError: expected exactly 3 layers, derived exactly 2 additive layers
    not U: C = 0 fails at (0, 0)
    not L: D = I fails at (0, 0)
    """
    __tracebackhide__ = True
    from exactflow.errors import UndecidedClaimError
    from exactflow.exact.numbers import to_index
    from exactflow.linear.depth import minimal_depth

    n = to_index("n", n)
    answer = minimal_depth(_as_exact_matrix(M), scales=scales, assume=assume)
    if (answer.lower, answer.upper) != (n, n):
        head = f"expected exactly {n} layers, derived {answer.summary}"
        kind = UndecidedClaimError if answer.lower <= n <= answer.upper else AssertionError
        raise kind("\n".join([head, *map(str, answer.obstructions)]))


def assert_invertible(
    module: Any,
    x: Any,
    *,
    tol: float = 1e-6,
    log_det_tol: float = 1e-3,
    draw_tol: float = 1e-3,
    context: Any = None,
    draws: int = 256,
) -> None:
    """Assert that inverse(forward(x)) equals x, within `tol` for floats.

    For a module of PyTorch and a batch of floats, also assert two facts, as far as
    `exactflow.interop.diagnose` can measure them. The log-determinants of forward and inverse are
    right, for the model and for each layer that returns them. Latents drawn from the model's base
    stay finite, and forward(inverse(latent)) equals the latent. What cannot be measured, as the
    forward log-determinant if x has more than 256 numbers, is not asserted: the notes of `diagnose`
    name it.

    Parameters
    ----------
    module : a flow; or a module or transform of PyTorch, normflows, nflows, glasflow, FrEIA or
        zuko, which is called by the interface of its library.
    x : the input of `module`. Exact numbers have to be restored exactly.
    tol : for floats, the largest difference, as a multiple of the largest entry of x.
    log_det_tol : the largest error of a log-determinant.
    draw_tol : the largest difference for a drawn latent, relative to the latent's largest entry.
    context, draws : as in `diagnose`; for ``draws=0`` no latents are drawn.

    Raises
    ------
    AssertionError
        An entry is not restored: the message names the first such entry, and the largest
        difference. Or an error that `diagnose` measures is above its bound: the message names the
        error that exceeds its bound by most, with the row of this error in the table of `diagnose`.
    InvalidInputError
        A bound that is no number >= 0, such as NaN.

    Examples
    --------
    >>> from exactflow import factor
    >>> assert_invertible(factor([[1, 2], [0, 1]]), ["1/3", 1])
    """
    __tracebackhide__ = True
    import numpy as np

    from exactflow.exact.numbers import check_nonnegative_number, to_fraction
    from exactflow.flows.base import Flow
    from exactflow.flows.flow import CouplingFlow
    from exactflow.flows.result import MapResult

    for name, bound in {"tol": tol, "log_det_tol": log_det_tol, "draw_tol": draw_tol}.items():
        check_nonnegative_number(f"{name}=..", bound)
    if isinstance(module, Flow | MapResult):
        back: Any = module.backward(module.forward(x))
    elif _is_torch_module_and_float_batch(module, x):
        from exactflow.interop.diagnosis import diagnose

        found = diagnose(module, x, context=context, draws=draws)
        bound_by_error_name = {
            "round trip": tol,
            "draws": draw_tol,
            "log-determinant": log_det_tol,
            "inverse's log-determinant": log_det_tol,
        }
        if (fault := found.find_worst_fault(bound_by_error_name)) is not None:
            row = replace(found, layers=(fault.row,), whole=fault.row)
            raise AssertionError(f"{fault}\n\n{row.table()}")
        return
    else:
        back = _round_trip_in_library(module, x)
    (expected, is_float), (derived, is_derived_float) = map(_as_array_and_is_float, (x, back))
    if expected.size != derived.size:
        raise AssertionError(
            f"x does not come back: expected shape {expected.shape}, derived shape {derived.shape}"
        )
    derived = derived.reshape(expected.shape)
    bound = 0
    if is_float and is_derived_float:
        bound = tol * max(float(abs(expected).max(initial=0)), 1e-300)
    differences = abs(expected - derived)
    if isinstance(module, CouplingFlow) and module.field.is_FiniteField:
        # a fraction is 0 modulo p if its numerator is, since p does not divide its denominator
        numerators = [to_fraction(difference).numerator for difference in differences.ravel()]
        differences = np.array(numerators, dtype=object).reshape(differences.shape)
        differences %= int(module.field.mod)
    wrong = ~(differences <= bound)  # in this form NaN is wrong, too
    if not wrong.any():
        return
    place = tuple(int(i[0]) for i in wrong.nonzero())
    raise AssertionError(
        f"x does not come back: expected {expected[place]} at entry {place}, derived "
        f"{derived[place]}; the largest difference is {differences.max()}, the bound {bound}"
    )


def _as_matrices_over_one_field(
    flow: "CouplingFlow | MatrixLike", expected: "MatrixLike"
) -> tuple["DomainMatrix", "DomainMatrix"]:
    """Return the matrix of a flow and the expected matrix, dense and over a common field.

    Rational numbers are also numbers of GF(p). Raises `AssertionError` if the sizes differ, and
    `InvalidInputError` if no field contains both matrices.
    """
    __tracebackhide__ = True
    from exactflow.exact.coerce import convert_to_common_field

    derived, wanted = _as_exact_matrix(flow), _as_exact_matrix(expected)
    if derived.shape != wanted.shape:
        sizes = [f"{M.shape[0]} x {M.shape[1]}" for M in (wanted, derived)]
        raise AssertionError(f"expected a {sizes[0]} matrix, derived a {sizes[1]} one")
    finite = [M.domain for M in (derived, wanted) if M.domain.is_FiniteField]
    for field in finite:
        derived, wanted = (convert_to_common_field(M, field) for M in (derived, wanted))
    pair: tuple[DomainMatrix, DomainMatrix] = derived.unify(wanted, fmt="dense")
    return pair


def _as_exact_matrix(flow: "CouplingFlow | MatrixLike") -> "DomainMatrix":
    from exactflow.exact.coerce import as_square_matrix
    from exactflow.flows.flow import CouplingFlow

    return flow.domain_matrix() if isinstance(flow, CouplingFlow) else as_square_matrix(flow)


def _is_torch_module_and_float_batch(module: Any, x: Any) -> bool:
    """Whether `diagnose` accepts the input: a module of PyTorch, and a batch of floats."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(module, torch.nn.Module):
        return False
    return isinstance(x, torch.Tensor) and x.is_floating_point() and x.ndim > 1 and x.numel() > 0


def _round_trip_in_library(module: Any, x: Any) -> Any:
    """Return inverse(forward(x)), called by the interface of the library of the module."""
    from exactflow.errors import InvalidInputError

    if hasattr(module, "output_dims"):
        # FrEIA takes and returns sequences of arrays, and inverts with rev=True
        (y,), _ = module([x])
        (back,), _ = module([y], rev=True)
        return back
    inverse = getattr(module, "inverse", None) or getattr(module, "inv", None)
    if not (callable(module) and callable(inverse)):
        raise InvalidInputError(
            "expected a flow, or a module that can be called and has a method inverse or inv, got "
            f"{type(module).__name__}"
        )
    y = module(x)
    back = inverse(y[0] if isinstance(y, tuple) else y)
    return back[0] if isinstance(back, tuple) else back


def _as_array_and_is_float(x: Any) -> tuple["np.ndarray", bool]:
    """Return numbers as an array, of float64 if they are floats of NumPy or Python, of Fractions
    otherwise; and whether a number is a float, which mpmath's numbers are, too.
    """
    import mpmath
    import numpy as np

    from exactflow.exact.numbers import to_fraction

    values = x.detach().cpu().double().numpy() if hasattr(x, "detach") else np.array(x)
    if values.dtype.kind == "f":
        return values, True
    exact = np.array([to_fraction(v) for v in values.ravel()], dtype=object)
    is_float = any(isinstance(v, mpmath.mpf | float) for v in values.ravel())
    return exact.reshape(values.shape), is_float
