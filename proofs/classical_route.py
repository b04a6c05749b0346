# %% [markdown]
# # Classical route: classical tools give at most 18 couplings
#
# **Theorem 1a** (Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in
# normalizing flows*, ICML 2021, for the tools). Every matrix $M$ of positive determinant on $2n$
# coordinates is a product of at most 18 couplings, constructed from pivots, eigenvectors of
# triangular matrices and signed permutations in six layers each (`permutations`; these six are not
# in the paper).
#
# **Why.** The paper proves that a bounded number of layers suffices, with tools of every course on
# linear algebra: the factorization $P L U$, and triangular matrices with distinct eigenvalues. This
# page counts the layers that these tools give if a permutation takes six. The other routes need at
# most six layers for every matrix (`six_layers`).
#
# ## Proof
#
# *One block.* Some $L(W_0) M$ has an invertible lower left block (see `six_layers`; $W_0 = 0$ if
# $M$ has one). Let $A, B, C, D$ be its blocks. With $V = C^{-1} (D - I)$, $X = B - A V$ and $T =
# A - X C$,
#
# $$ M = L(-W_0)\, U(X) \operatorname{diag}(T, I)\, L(C)\, U(V), \qquad \det T = \det M > 0. $$
#
# *Pivots.* $T = \Sigma L R$, where $L$ is unit lower triangular, $R$ upper triangular with a
# positive diagonal, and $\Sigma$ a permutation with the signs of the pivots. So $\det
# \Sigma = 1$, and $\operatorname{diag}(\Sigma, I)$ is a signed permutation of determinant 1: at
# most six layers (`permutations`).
#
# *Distinct eigenvalues.* Choose a positive diagonal $E$ with distinct entries, such that the
# entries of $E^{-1} \operatorname{diag}(R)$ are distinct, too. Then $L E = S E S^{-1}$ and $E^{-1}
# R = H F H^{-1}$, with $S$ unit lower and $H$ unit upper triangular and positive diagonals $E$,
# $F$. So $L R = S E S^{-1} H F H^{-1}$.
#
# *Four shears* make, for any invertible $X$ and $Q$,
#
# $$ \begin{pmatrix} X & 0 \\ 0 & Q^{-1} X^{-1} Q \end{pmatrix} = U\big((X - I) Q\big)\,
#    L\big(Q^{-1}\big)\, U\big((X^{-1} - I) Q\big)\, L\big(-Q^{-1} X\big), $$
#
# and so do $L U L U$ with the halves exchanged. So $\operatorname{diag}(L R, I)$ is a product of
# three such matrices with scales between them, in which the second half is unchanged, since $S^{-1}
# \cdot H^{-1} S \cdot S^{-1} H S = I$:
#
# $$ \operatorname{diag}(S, S^{-1}) \operatorname{diag}(E, I)
#    \operatorname{diag}(S^{-1} H, H^{-1} S)
#    \operatorname{diag}(F, I) \operatorname{diag}(H^{-1}, S^{-1} H S). $$
#
# *The count.* The three products alternate $ULUL$, $LULU$, $ULUL$, or the mirror image: ten layers,
# once neighbours that move the same half and the scales are merged. Let $\Sigma$ take $k \le 6$
# alternating layers. The ten add nine to them, whichever letter the last one is. If they end with
# $L$, $L(C)$ merges with it, and $2 + k + 9 + 1 \le 18$ layers remain. If they end with $U$, $L(C)$
# and $U(V)$ stay; if $k = 6$ then $\Sigma$ starts with $U$ and merges with $U(X)$, so that $1 + 6 +
# 9 + 2 = 18$ remain, and otherwise $2 + k + 9 + 2 \le 18$. $\blacksquare$
#
# All checks are *exact*, on instances; the four shears are proved *for all n* in `identities`.

# %%
import sys
from itertools import permutations

import sympy
from rich.console import Console
from rich.table import Table
from sympy.combinatorics import Permutation

from exactflow import cayley_rotation, factor, permutation, random_matrix, toeplitz
from exactflow.claims import Claims, Evidence, proof_options

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.constructions.classical import LAYERS, classical

claims = Claims("classical route")
full = proof_options().full

# %% [markdown]
# ## The route takes at most 18 layers, and attains 18

# %%
with claims.check("at most 18 layers", Evidence.EXACT) as check:
    check.equal(LAYERS, 18)
    for seed in range(60):
        M = random_matrix(2 * (1 + seed % 3), bits=2, seed=seed)
        flow = classical(M)
        holds = flow.depth <= LAYERS and flow.matrix() == M
        check.true(holds, f"seed {seed}: {flow.depth} layers", shown=False)
    M = sympy.Matrix([[-2, 2, 0, 2], [1, 1, 1, 1], [-2, -2, 1, -2], [1, 1, 2, -2]])
    check.equal(classical(M).depth, 18, "18 layers: C singular, negative pivots")

# %%
with claims.check("at most 18 layers for every even permutation of 4", Evidence.EXACT) as check:
    for perm in permutations(range(4)):
        if Permutation(list(perm)).is_even:
            flow = classical(permutation(perm))
            check.equal(flow.matrix(), permutation(perm), f"{perm}: {flow.depth} layers")

# %% [markdown]
# ## Comparison with the shorter routes
# The table shows the number of layers, the bits of the longest numerator or denominator, and a
# power of two above the largest entry.


# %%
def skew(d: int) -> sympy.Matrix:
    """Return a skew-symmetric matrix of small integers."""
    return sympy.Matrix(d, d, lambda i, j: (i - j) * (1 + (i + j) % 3) if abs(i - j) < 3 else 0)


sizes = (4, 8, 16, 32) if full else (4, 8, 16)
targets = {f"random, d = {d}": random_matrix(d, seed=d) for d in sizes}
targets |= {f"rotation, d = {d}": cayley_rotation(skew(d)) for d in sizes}
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
        routes = classical(M), factor(M, method="commutator"), factor(M)
        for flow in routes:
            check.equal(flow.matrix(), M)
            bits = max(layer.bits for layer in flow)
            largest = int(max(layer.magnitude for layer in flow)).bit_length()
            cells.append(f"{flow.depth} / {bits} / 2^{largest}")
        table.add_row(name, *cells, flow.method)
console = Console()
console.width = max(console.width, 100)
console.print(table)
