# %% [markdown]
# # The classical route: P L U and triangular factors with distinct positive eigenvalues
#
# **Theorem** (Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in
# normalizing flows*, ICML 2021, for the tools). Every matrix of positive
# determinant on $2n$ coordinates is a product of at most 18 couplings made of pivots, eigenvectors
# of triangular matrices and permutations. Four shears make
#
# $$ \begin{pmatrix} X & 0 \\ 0 & Q^{-1} X^{-1} Q \end{pmatrix} = U\big((X - I) Q\big)\,
#    L\big(Q^{-1}\big)\, U\big((X^{-1} - I) Q\big)\, L\big(-Q^{-1} X\big), $$
#
# and a triangular factor with distinct positive eigenvalues is conjugate to its diagonal, which
# scales carry. The proof, with the count, is the docstring of `exactflow.factorization.classical`.
# The other routes need at most six.

# %%
from itertools import permutations

import sympy
from rich.console import Console
from rich.table import Table
from sympy.combinatorics import Permutation

from exactflow import factor, permutation, random_matrix, rotation, toeplitz
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.factorization.classical import LAYERS

claims = Claims("The classical route (ICML 2021)")
full = proof_options().full

# %% [markdown]
# ## The bound, and that the route attains it

# %%
with claims.check("at most 18 layers", Evidence.EXACT) as check:
    check.equal(LAYERS, 18)
    for seed in range(60):
        M = random_matrix(2 * (1 + seed % 3), bits=2, seed=seed)
        flow = factor(M, method="classical")
        holds = flow.depth <= LAYERS and flow.matrix() == M
        check.true(holds, f"seed {seed}: {flow.depth} layers", shown=False)
    M = sympy.Matrix([[-2, 2, 0, 2], [1, 1, 1, 1], [-2, -2, 1, -2], [1, 1, 2, -2]])
    check.equal(factor(M, method="classical").depth, 18, "18 layers: C singular, negative pivots")

# %%
with claims.check("every even permutation of 4 coordinates", Evidence.EXACT) as check:
    for perm in permutations(range(4)):
        if Permutation(list(perm)).is_even:
            flow = factor(permutation(perm), method="classical")
            check.equal(flow.matrix(), permutation(perm), f"{perm}: {flow.depth} layers")

# %% [markdown]
# ## Beside the short routes
# Layers, the longest numerator or denominator in bits, and the largest entry as a power of two.


# %%
def skew(d: int) -> sympy.Matrix:
    """Return a skew-symmetric matrix of small integers."""
    return sympy.Matrix(d, d, lambda i, j: (i - j) * (1 + (i + j) % 3) if abs(i - j) < 3 else 0)


sizes = (4, 8, 16, 32) if full else (4, 8, 16)
targets = {f"random, d = {d}": random_matrix(d, seed=d) for d in sizes}
targets |= {f"rotation, d = {d}": rotation(skew(d)) for d in sizes}
targets |= {
    f"Toeplitz, d = {d}": toeplitz([1, "1/2", *[0] * (d - 2)], [1, "-1/3", *[0] * (d - 2)])
    for d in sizes
}
targets |= {f"even permutation, d = {d}": permutation([*range(1, d - 1), 0, d - 1]) for d in sizes}
targets |= {"diag(-I, I), d = 8": sympy.diag(-sympy.eye(4), sympy.eye(4))}

table = Table(title="layers / bits / largest entry")
for name in ("target", "classical", "commutator", "auto", "which is"):
    table.add_column(name, no_wrap=True)
with claims.check("the same matrix by three routes", Evidence.EXACT) as check:
    for name, M in targets.items():
        cells = []
        for method in ("classical", "commutator", "auto"):
            flow = factor(M, method=method)
            check.equal(flow.matrix(), M)
            bits = max(layer.bits for layer in flow)
            largest = int(max(layer.magnitude for layer in flow)).bit_length()
            cells.append(f"{flow.depth} / {bits} / 2^{largest}")
        table.add_row(name, *cells, flow.method)
console = Console()
console.width = max(console.width, 100)
console.print(table)
