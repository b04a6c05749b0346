"""Conversion of all accepted inputs to exact matrices, and the class of returned matrices.

All matrices enter the package here and become a ``DomainMatrix`` over a field with exact
arithmetic: QQ, a number field, rational functions over one of these, or GF(p).
`exactflow.exact.numbers` converts entries that are no SymPy expressions before SymPy sees them, so
that a string is read as a number or raises an error, whatever the other entries are. A float is the
dyadic rational that it stores. Entries without an exact meaning (NaN, a SymPy ``Float``, entries
over RR, an object array of floats) raise an error.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import chain, product
from numbers import Rational, Real
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeGuard

import mpmath
import sympy
from sympy import QQ, QQ_I, ZZ, ZZ_I
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.polys.constructor import construct_domain
from sympy.polys.domains.domain import Domain
from sympy.polys.domains.finitefield import FiniteField
from sympy.polys.domains.fractionfield import FractionField
from sympy.polys.domains.polynomialring import PolynomialRing
from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.ddm import DDM
from sympy.polys.matrices.sdm import SDM
from sympy.polys.polyerrors import CoercionFailed, UnificationFailed

from exactflow.errors import InvalidInputError
from exactflow.exact import pickling as pickling  # every field passes through the functions below
from exactflow.exact.algebraic import is_equal_across_number_fields
from exactflow.exact.numbers import format_short, sequence_to_list, to_element
from exactflow.exact.typing import Element, MatrixLike, VectorLike, library_of

if TYPE_CHECKING:
    import numpy as np


def as_square_matrix(
    M: MatrixLike, *, remedy_if_not_square: str = "only square matrices have flows"
) -> DomainMatrix:
    """Return the square matrix `M` as a ``DomainMatrix`` over a field, exactly: sparse for a SymPy
    matrix or a sparse DomainMatrix, dense otherwise.

    `M` is a SymPy matrix, a matrix expression of numbers such as ``PermutationMatrix``, or a
    DomainMatrix; a NumPy array of integers, of floats (which are dyadic rationals), or of objects
    such as ``Fraction``; a torch tensor or an mpmath matrix; or d lists of d numbers, strings
    (``"p/q"``, decimals) or SymPy expressions: rational functions of symbols and of exponentials of
    monomials. An array or tensor of shape (c, c, 1) or (c, c, 1, 1), the weight of a 1x1
    convolution, becomes a c x c matrix. Raises `InvalidInputError` if `M` is empty, ragged or not
    square, if an entry has no exact value (the message names it), or if the domain is no exact
    field.

    >>> as_square_matrix([["1/3", 0], [2, 0.5]]).to_Matrix()
    Matrix([
    [1/3,   0],
    [  2, 1/2]])
    """
    M = as_array_if_tensor(M)
    if is_array(M) and M.ndim > 2:
        if M.ndim > 4 or any(size != 1 for size in M.shape[2:]):
            raise InvalidInputError(
                f"expected weights of shape (c, c), (c, c, 1) or (c, c, 1, 1), got {M.shape}: a "
                "convolution with a larger kernel is no linear map of the channels alone"
            )
        M = M.reshape(M.shape[:2])
    matrix = as_rectangular_matrix(M)
    rows, columns = matrix.shape
    if rows != columns:
        raise InvalidInputError(
            f"expected a square matrix, got {rows} x {columns}: {remedy_if_not_square}"
        )
    if rows == 0:
        raise InvalidInputError("expected a matrix of at least one row, got an empty one")
    return matrix


def as_vectors(x: VectorLike, dimension: int, subfield: Domain = QQ) -> DomainMatrix:
    """Return `x` as a ``DomainMatrix`` whose columns are vectors with `dimension` entries.

    A flat sequence is one column; a SymPy matrix, a two-dimensional array and a nested list are
    taken column by column. The domain is the least field that contains the entries and `subfield`,
    as in `convert_to_common_field`. Raises `InvalidInputError` for another number of entries.
    """
    x = as_array_if_tensor(x)
    one_axis = is_array(x) and x.ndim == 1
    if one_axis or (isinstance(x, Sequence) and not any(isinstance(v, list | tuple) for v in x)):
        vectors = as_column(x)
    else:
        vectors = as_rectangular_matrix(x)
    if vectors.shape[0] != dimension:
        hint = transpose_hint_or_empty(vectors.shape, dimension)
        raise InvalidInputError(
            f"expected vectors of {dimension} entries (a list, or the columns of a matrix with "
            f"{dimension} rows), got vectors of {vectors.shape[0]} entries{hint}"
        )
    return convert_to_common_field(vectors, subfield)


def transpose_hint_or_empty(shape: tuple[int, ...], dimension: int) -> str:
    """Return ": transpose it" for a matrix with `dimension` columns instead of rows, else ""."""
    return ": transpose it" if len(shape) == 2 and shape[1] == dimension else ""


def as_column(values: VectorLike) -> DomainMatrix:
    """Return a flat sequence of numbers, or the entries of a SymPy matrix or a ``DomainMatrix`` row
    by row, as a ``DomainMatrix`` of one column.
    """
    if isinstance(values, DomainMatrix):
        matrix = as_rectangular_matrix(values)
        entries = matrix.to_list_flat()
        return DomainMatrix.from_list_flat(entries, (len(entries), 1), matrix.domain)
    if isinstance(values, sympy.MatrixBase):
        values = values.flat()
    if is_array(values) and values.ndim == 1:
        return as_rectangular_matrix(values.reshape(-1, 1))
    return as_rectangular_matrix([[value] for value in sequence_to_list(values)])


def as_expression(value: object) -> sympy.Expr:
    """Return a number or an expression as a SymPy expression, in the normal form of its field."""
    return as_rectangular_matrix([[value]]).to_Matrix()[0, 0]


def as_rectangular_matrix(M: VectorLike) -> DomainMatrix:
    """Convert a matrix of any shape, by the rules of `as_square_matrix`."""
    if isinstance(M, DomainMatrix):
        return _check_and_convert_to_exact_field(M)
    if isinstance(M, sympy.MatrixBase):
        return _from_sympy(M)
    M = as_array_if_tensor(M)
    if is_array(M):
        return _from_array(M)
    if isinstance(M, mpmath.matrix):
        M = M.tolist()
    if isinstance(M, list | tuple):
        return _from_lists(M)
    if isinstance(M, MatrixExpr):
        if M.atoms(MatrixSymbol) or any(sympy.sympify(size).free_symbols for size in M.shape):
            raise InvalidInputError(
                f"expected a matrix of numbers, got the block matrix {format_short(M)}: "
                "exactflow.explain returns its layers, for blocks of every size"
            )
        return _from_sympy(M.as_explicit())
    torch, hint = library_of(M, "torch"), ""
    if isinstance(M, str | PathLike):
        hint = ": exactflow.files.matrices.read_square_matrix(path).matrix reads a file"
    elif isinstance(M, Mapping):
        hint = ": choose one of its values by its key"
    elif torch is not None and isinstance(M, torch.nn.Module):
        hint = ": exactflow.interop.linear_map(layer).matrix is the matrix of a linear layer"
    raise InvalidInputError(
        "expected a SymPy matrix, a DomainMatrix, a NumPy array, a tensor or nested lists, "
        f"got {type(M).__name__}{hint}"
    )


def is_array(x: object) -> TypeGuard["np.ndarray"]:
    """Whether `x` is a NumPy array. This does not import NumPy."""
    numpy = library_of(x, "numpy")
    return numpy is not None and isinstance(x, numpy.ndarray)


def is_torch_tensor(x: object) -> bool:
    """Whether `x` is a tensor of PyTorch. This does not import PyTorch."""
    torch = library_of(x, "torch")
    return torch is not None and isinstance(x, torch.Tensor)


def as_array_if_tensor(x: Any) -> Any:
    """Return a tensor as a NumPy array, with floats in float64; return other values unchanged.

    Raises `InvalidInputError` for a tensor that NumPy cannot represent.
    """
    if not is_torch_tensor(x):
        return x
    kinds = [kind for kind in ("meta", "quantized", "nested") if getattr(x, f"is_{kind}")]
    layout = str(x.layout).removeprefix("torch.")
    if kinds or layout != "strided":
        raise InvalidInputError(
            f"expected a dense tensor with entries, got a {kinds[0] if kinds else layout} one: "
            "convert it, for example by .to_dense() or .dequantize()"
        )
    plain = x.detach().cpu().resolve_conj().resolve_neg()
    return (plain.double() if plain.is_floating_point() else plain).numpy()


def convert_to_common_field(M: DomainMatrix, field: Domain) -> DomainMatrix:
    """Return `M` over the least field that contains its entries and `field`.

    Rational numbers are mapped to GF(p) as quotients. Raises `InvalidInputError` if p divides a
    denominator, or no field contains both.
    """
    if not (isinstance(field, FiniteField) and M.domain.is_QQ):
        return M.convert_to(common_field([M.domain, field]))

    def residue_modulo_p(x: Element) -> Element:
        denominator = field(int(x.denominator))
        if not denominator:
            raise InvalidInputError(
                f"expected entries in {field}, got {format_short(x)}: the denominator is 0 in "
                "this field"
            )
        return field(int(x.numerator)) / denominator

    return M.applyfunc(residue_modulo_p, field)


def common_field(fields: Iterable[Domain]) -> Domain:
    """Return the least field that contains the given fields; QQ if no field is given.

    Raises `InvalidInputError` if no field contains them.
    """
    return _as_exact_field(_unify_domains(fields))


def _unify_domains(fields: Iterable[Domain]) -> Domain:
    fields = list(dict.fromkeys(map(_replace_number_field_of_I, fields)))
    try:
        field = reduce(Domain.unify, fields) if fields else QQ
    except UnificationFailed:
        names = " and ".join(map(str, fields))
        raise InvalidInputError(
            f"expected entries of one field, got entries in {names}: no field contains all of them"
        ) from None
    if field.is_Composite:  # exp(x) and exp(x/2) are generators of two fields, but not of one
        _check_generators_are_symbols_or_exponentials(field.symbols)
    return field


def is_equal(left: DomainMatrix, right: DomainMatrix) -> bool:
    """Whether two matrices are equal, over a field that contains the entries of both."""
    left, right = (
        M.convert_to(QQ_I.as_AlgebraicField()) if M.domain == QQ_I else M for M in (left, right)
    )
    one, other = left.domain, right.domain
    if one.characteristic() != other.characteristic():
        return False
    if one != other and one.is_AlgebraicField and other.is_AlgebraicField:
        return is_equal_across_number_fields(left, right)
    if one != other:
        field = _unify_domains([one, other])
        # the difference is tested, since equal quotients may have different numerators
        return bool((left.convert_to(field) - right.convert_to(field)).is_zero_matrix)
    if isinstance(one, FiniteField):  # SymPy may store the same residue as -1 or as p - 1
        left, right = (M.applyfunc(lambda x: int(x) % one.mod, ZZ) for M in (left, right))
    return bool(left.to_sparse() == right.to_sparse())


def _as_exact_field(domain: Domain) -> Domain:
    """Return the field of fractions of a domain; raise if the domain's arithmetic is not exact."""
    domain = _replace_number_field_of_I(domain)
    if isinstance(domain, PolynomialRing | FractionField):
        _check_generators_are_symbols_or_exponentials(domain.symbols)
        if not _as_exact_field(domain.domain).has_assoc_Ring:
            raise InvalidInputError(
                f"expected rational functions over QQ or QQ(i), got entries over {domain}: SymPy "
                f"does not reduce quotients there, so give the symbols values in {domain.domain}"
            )
    elif isinstance(domain, FiniteField):
        if not sympy.isprime(domain.mod):
            raise InvalidInputError(
                f"expected a field, got the integers modulo {domain.mod}, which is not prime: of "
                "the finite fields only GF(p) is supported"
            )
    elif not (domain.is_ZZ or domain.is_QQ or domain.is_AlgebraicField or domain in (ZZ_I, QQ_I)):
        raise InvalidInputError(
            "expected entries in QQ, an algebraic number field, a field of rational functions or "
            f"GF(p), got entries over {domain}, which is none of these: use Rational for numbers "
            "(or a NumPy float array, if exact binary values are meant)"
        )
    return domain if domain.is_Field else domain.get_field()


def _replace_number_field_of_I(domain: Domain) -> Domain:
    """Return QQ(i) for QQ<I>, which SymPy tells apart, and any other domain unchanged. Only QQ(i)
    has elements that are coefficients of rational functions.
    """
    return QQ_I if domain.is_AlgebraicField and domain.ext.args[0] == sympy.I else domain


def _check_generators_are_symbols_or_exponentials(generators: Sequence[sympy.Expr]) -> None:
    """Raise unless each generator of a field is a symbol, or the exponential of a number times a
    product of powers of symbols. No two exponentials may have the same product.

    Such generators are algebraically independent (Ax 1971).
    """
    exponents = []
    for generator in generators:
        if isinstance(generator, sympy.Symbol):
            continue
        monomial = generator.exp.as_coeff_Mul()[1] if isinstance(generator, sympy.exp) else None
        is_monomial = monomial is not None and all(
            base.is_Symbol and power.is_Integer for base, power in monomial.as_powers_dict().items()
        )
        if is_monomial and monomial not in exponents:
            exponents.append(monomial)
            continue
        hint = "replace a transcendental entry by a symbol with assumptions"
        if isinstance(generator, sympy.sin | sympy.cos | sympy.tan):
            hint = (
                "exactflow.cayley_rotation makes rotations whose entries are rational in parameters"
            )
        raise InvalidInputError(
            f"expected rational or algebraic numbers and symbols, got {generator}: {hint}"
        )


def _check_and_convert_to_exact_field(M: DomainMatrix) -> DomainMatrix:
    """Check that the rows of a matrix fit its shape, and that its entries are in its domain. Return
    the matrix over the field of fractions, without stored zeros.

    SymPy checks the shape of a new DomainMatrix, but its representation can be changed later.
    """
    field, (rows, columns) = _as_exact_field(M.domain), M.shape
    fits, entries = True, []  # FLINT checks its matrices itself
    if isinstance(M.rep, DDM):
        fits = len(M.rep) == rows and all(len(row) == columns for row in M.rep)
        entries = [((i, j), x) for i, row in enumerate(M.rep) for j, x in enumerate(row)]
    elif isinstance(M.rep, SDM):
        entries = [((i, j), x) for i, row in M.rep.items() for j, x in row.items()]
        fits = all(0 <= i < rows and 0 <= j < columns for (i, j), _ in entries)
    if not fits:
        raise InvalidInputError(
            f"the rows of a DomainMatrix do not fit its shape {rows} x {columns}: build it anew"
        )
    for place, x in entries:
        if not M.domain.of_type(x):
            raise InvalidInputError(
                f"entry {place}: expected an element of {M.domain}, the domain of the matrix, got "
                f"{type(x).__name__} {format_short(x)}"
            )
    if isinstance(M.rep, SDM) and not all(x for _, x in entries):
        M = DomainMatrix.from_dok({at: x for at, x in entries if x}, M.shape, M.domain)
    # a copy, so that the caller can change the entries of the given matrix later
    return M.copy() if field == M.domain else M.convert_to(field)


def _from_sympy(M: sympy.MatrixBase) -> DomainMatrix:
    if not M._rep.domain.is_EXRAW:  # then all entries are rational
        return M.to_DM(QQ)
    for place, entry in M.todok().items():
        if not (isinstance(entry, sympy.Expr) and entry.is_commutative):
            raise InvalidInputError(
                f"entry {place}: expected a number or an expression in commuting symbols, got "
                f"{type(entry).__name__} {format_short(entry)}"
            )
    try:
        matrix = M.to_DM(field=True, extension=True)
    except (CoercionFailed, NotImplementedError, ValueError):
        # SymPy fails for unevaluated numbers, such as Add(1, 1, evaluate=False). It also fails for
        # some algebraic numbers, which it tells apart by few digits.
        evaluated = M.doit()
        if evaluated.todok() != M.todok():  # an ExactMatrix itself would compare by value
            return _from_sympy(evaluated)
        raise InvalidInputError(
            f"SymPy finds no number field with the entries of {format_short(M)}: write them "
            "without roots in denominators (sympy.radsimp)"
        ) from None
    if matrix.domain.is_EXRAW:  # there is no common field: name an entry that is in no exact field
        for place, entry in M.todok().items():
            domain, _ = construct_domain([entry], field=True, extension=True)
            if domain.is_EX:
                raise _no_field_error(f"entry {place}", entry)
            try:
                _as_exact_field(domain)
            except InvalidInputError as error:
                raise InvalidInputError(f"entry {place}: {error}") from None
        raise _no_field_error("the entries", M)
    return _check_and_convert_to_exact_field(matrix)


def _no_field_error(described: str, expressions: object) -> InvalidInputError:
    return InvalidInputError(
        f"SymPy finds no field for {described}, {format_short(expressions)}: replace roots and "
        "exponentials beside symbols by other symbols, or the symbols by numbers"
    )


def _from_array(M: "np.ndarray") -> DomainMatrix:
    if M.ndim != 2:
        raise InvalidInputError(
            f"expected an array with two axes, got one of shape {M.shape}: reshape it"
        )
    if M.dtype.kind not in "iufOU":
        hint = ": write .astype(int)" * (M.dtype.kind == "b")
        raise InvalidInputError(
            "expected an array of integers, floats, strings or exact objects, got one of dtype "
            f"{M.dtype}" + hint
        )
    rows = [list(row) for row in M] if M.dtype.char == "g" else M.tolist()  # "g": long double
    if M.dtype.kind == "O":
        for i, row in enumerate(rows):
            for j, entry in enumerate(row):
                if isinstance(entry, Real) and not isinstance(entry, Rational | sympy.Basic):
                    raise InvalidInputError(
                        f"entry {i, j}: expected exact numbers in an object array, got "
                        f"{type(entry).__name__} {entry}: use dtype float64 for floats"
                    )
    return _from_entries(rows, M.shape)


def _from_lists(M: Sequence) -> DomainMatrix:
    for i, row in enumerate(M):
        if not isinstance(row, list | tuple):
            raise InvalidInputError(
                f"expected a list of rows, got {type(row).__name__} as row {i}: write each row "
                "as a list of its own"
            )
        if len(row) != len(M[0]):
            raise InvalidInputError(
                f"expected rows of equal length, got {len(M[0])} entries in row 0 "
                f"and {len(row)} in row {i}"
            )
    return _from_entries(M, (len(M), len(M[0]) if M else 0))


def _from_entries(rows: Sequence[Sequence], shape: tuple[int, int]) -> DomainMatrix:
    """Convert rows of numbers and SymPy expressions; errors name the place of an entry."""
    entries = list[Any]()
    for place, entry in zip(product(*map(range, shape)), chain.from_iterable(rows), strict=True):
        if not isinstance(entry, sympy.Expr) or isinstance(entry, sympy.Rational | MatrixExpr):
            try:
                entry = to_element(entry)
            except InvalidInputError as error:
                raise InvalidInputError(f"entry {place}: {error}") from None
        entries.append(entry)
    if any(isinstance(entry, sympy.Expr) for entry in entries):
        return _from_sympy(sympy.Matrix(*shape, entries))
    return DomainMatrix.from_list_flat(entries, shape, QQ)


class ExactMatrix(sympy.Matrix):
    """A `sympy.Matrix` that compares with matrices, arrays and nested lists by their exact values.

    In SymPy ``matrix == array`` is always False, and so is the comparison of t*(t + 1) with
    t**2 + t. Here ``matrix == other`` and ``other == matrix`` compare the values of the entries; an
    entry of an array without an exact value raises an error. With an immutable or a sparse matrix
    of SymPy on the left, SymPy compares the forms of the entries.
    """

    @classmethod
    def from_domain_matrix(cls, matrix: DomainMatrix) -> "ExactMatrix":
        """Return the SymPy matrix with the entries of a DomainMatrix."""
        return cls._fromrep(matrix.to_Matrix()._rep)

    def __eq__(self, other: object) -> bool:
        if hasattr(other, "dtype") or isinstance(other, list | tuple):
            other = as_rectangular_matrix(other).to_Matrix()
        is_same = super().__eq__(other)
        if is_same is True or getattr(other, "shape", None) != self.shape:
            return is_same
        try:
            return is_equal(as_rectangular_matrix(self), as_rectangular_matrix(other))
        except InvalidInputError:  # an entry is in no exact field, or no field has all entries
            return is_same

    def __ne__(self, other: object) -> bool:
        return not self == other
