# %% [markdown]
# # Partitions: numbers of layers for halves of any two sizes
#
# **Theorem 7** (after Koehler, Mehta, Risteski, ICML 2021: the choice of partition is no bottleneck
# for depth). Let $p \le q$ and $m = \lceil q / p \rceil$. Every matrix of determinant 1 on $p + q$
# coordinates is a product of at most $2m + 4$ alternating shears, and of $2m + 3$ if its lower left
# block has rank $p$. If $p$ divides $q - 1$, at most $2m + 2$ and $2m + 1$ (to our knowledge new).
# For $p < q$ a generic one is a product of $2m + 1$; at $p = q$ five are generic and six suffice
# (`five_is_generic`, `six_layers`). Let $D$ and $d$ be the lower right blocks of $M$ and of
# $M^{-1}$. If 1 is an eigenvalue of neither, $M$ needs at least $2m + 1$, and
# $\operatorname{diag}(A, D)$ needs $2m + 2$.
#
# **Theorem 20** (to our knowledge new). Let $p < q \le 2p$, so $m = 2$, and $e = q - p$. The
# largest number of shears that a rational matrix of determinant 1 needs is *eight* $= 2m + 4$ if
# $e$ is even, does not divide $p$, or has $e^2 > p$ and $e \ge 2$, and *six* if $e = 1$. For even
# $e$ the matrix $-I$ needs eight, over every field in which $2 \ne 0$. Two cases are open here: odd
# $e \ge 3$ that divide $p \ge e^2$, the smallest being $(9, 12)$; and $m \ge 3$, for which the
# largest number is between $2m + 2$ and $2m + 4$ unless $p$ divides $q - 1$.
#
# **Scales.** Most lower bounds here are about shears: layers without scales. Scales can save
# layers: $\operatorname{diag}(\alpha I, \beta I)$ with positive scalars is a product of two
# couplings, and so `factor` returns two for some matrices below. But the bound $2m + 2$ stays: if
# $\operatorname{diag}(A, -I_q)$ is divided by any positive diagonal, 1 is still no eigenvalue of
# $D$ or $d$.
#
# **Why.** Images have three channels, and some masks keep a quarter of the coordinates. The paper
# asks whether the partition matters for depth. It costs a factor: a shear changes the larger half
# by a matrix of rank at most $p$, so about $q / p$ shears are needed, and they suffice. If the
# determinant is not 1, one scale entry carries it, as in `six_layers`, which has halves that differ
# by at most one.
#
# ## Lower bounds by ranks
#
# Let $e = \begin{pmatrix} 0 & I \end{pmatrix}$ be the lower $q$ rows of $I$. Then $e U(X) = e$ and
# $e L(Y) = e + Y \begin{pmatrix} I & 0 \end{pmatrix}$. So in a product with $s$ factors $L$, $D -
# I$ is a sum of $s$ products through $\mathbb{F}^p$, of $s - 1$ if the last factor is an $L$. By
# the inverse product $d - I$ is such a sum, too, of $s - 1$ if the first factor is an $L$. The rank
# of both is $q$, so $s p \ge q$, and $(s - 1) p \ge q$ if the first or the last factor is an $L$.
# In each case the product has at least $2m + 1$ factors.
#
# Let $M = \operatorname{diag}(A, D)$ be a product of $2m + 1$ factors, the first and the last of
# which are $U$. As $M U(X) = U(A X D^{-1}) M$, the last one can be moved to the left of $M$ and
# merged with the first. Then $2m$ factors remain, which was just excluded. The same holds with $L$.
# So $2m + 2$ are needed.
#
# ## Upper bounds by peeling
#
# **Peeling.** *Let $\operatorname{rank} C = p$, $k \le p$ and $q - k \ge p$. In some basis of the
# second half (which turns shears into shears), $M = U \operatorname{diag}(M_2, I_k)\, U L U$, where
# $M_2$, on $p + (q - k)$ coordinates, has again a lower left block of rank $p$.* Let $a$ and $c$ be
# the left blocks of $M^{-1}$; $c$ has rank $p$, too: if $c x = 0$ then $C a x = -D c x = 0$, so $a
# x = 0$, and $M^{-1}$ takes $(x, 0)$ to 0. The images of $C$ and $c$ have a common complement, so
# there is a $p \times q$ matrix $H$ with $H C = I$ and $H c$ invertible. Put
#
# $$ V = H D - H, \qquad D' = D - C V. $$
#
# Then $H D' = H$. The upper left block of the inverse of $M U(-V)$ is $a + V c = a + H D c - H c =
# -H c$, for $D c = -C a$. This is invertible, and so is the opposite block $D'$. Let the last $k$
# vectors of a dual basis be rows of $H$. In this basis
#
# $$ D' = \begin{pmatrix} d_1 & d_2 \\ 0 & I_k \end{pmatrix}. $$
#
# As $D'$ is invertible, a factor $L$ from the right gives $M U(-V)$ any lower left block: let it be
# $\begin{pmatrix} C_2 \\ 0 \end{pmatrix}$, where $C_2$ has rank $p$ and $d_2 = C_2 x$ for some $x$.
# Such a $C_2$ exists since $d_2$ has at most $p$ columns. Now $U\big((0, -x)\big)$ from the right
# clears $d_2$, and a $U$ from the left clears the entries above $I_k$.
#
# **The count.** Peel $m - 1$ times, first $q - (m - 1) p$ coordinates and then $p$ each, until $(p,
# p)$ is left, with an invertible lower left block. There five shears $U L U L U$ suffice
# (`six_layers`). Each peel adds one $L$, and its outer $U$ merge. So there are $m + 1$ factors $L$,
# and in all $2m + 3$ factors. If $\operatorname{rank} C < p$, a first $L(W_0)$ raises the rank
# (`six_layers`). If $p$ divides $q - 1$, peel $m - 2$ times until $(p, p + 1)$ is left, where $U L
# U L U$ suffice as well: one $L$ less, hence $2m + 1$ and $2m + 2$. $\blacksquare$
#
# ## Generic matrices need $2m + 1$ layers
#
# Peel $p$ coordinates $m - 2$ times: $p < q \le 2p$ is left, and $k = q - p$. We look for a $V$
# such that $T = D - C V$ and $S = a + V c$ are $I + Y Z$ and $I + Z Y$. Choose $k$ rows $K$ and let
# $V$ fulfil $K T = K$. In a basis whose dual ends with $K$
#
# $$ T = \begin{pmatrix} T_1 & T_2 \\ 0 & I_k \end{pmatrix}, \quad
#    Y = \begin{pmatrix} G \\ 0 \end{pmatrix}, \quad
#    Z = G^{-1} \begin{pmatrix} T_1 - I & T_2 \end{pmatrix}, $$
#
# so that $I + Y Z = T$, and $I + Z Y = S$ if $T_1 G = G S$. If $q < 2p$, this does not determine
# $V$. If $q = 2p$ it does: $V = h (D - I)$ with $h = (K C)^{-1} K$, and $h$ may be any solution of
# $h C = I$. In both cases $V = V_0 + u r^\mathsf{T} N$ with a free row $r^\mathsf{T}$, for fixed
# $V_0$, $u$ and $N$. Then $\chi_{T_1} = \chi_T / (x - 1)^k$ and $\chi_S$ are affine in $r$, with
# equal determinants: $p - 1$ linear equations make them equal, and $T_1$ and $S$ similar, if the
# roots are simple. It is an open condition on $M$ that the equations have a solution with simple
# roots, so it holds for generic matrices if it holds for one. An instance below shows this for each
# $(p, q)$ up to $(8, 16)$.
#
# ## The largest depth is six or eight for $p < q \le 2p$
#
# *Proof of Theorem 20.* The upper bounds are Theorem 7 for eight, and Theorem 14 for six if $e = 1$
# (`six_layers`). For the lower bounds let $M = \operatorname{diag}(\alpha I_p, \beta I_q)$, $\beta
# \ne 1$, and $r = 1 / (\alpha \beta)$.
#
# *The depth of $M$ is even.* $M U(X) = U(X') M$ for $X' = \alpha X \beta^{-1}$, and likewise for
# $L$. So if $M$ is a product of an odd number of shears, the last one passes through $M$ into the
# first. If six are excluded, so are seven.
#
# *Six shears.* If $M = U L U L U L$, move the last shear to the left side: $M L(-Y)$ is a product
# $U L U L U$, and has a lower left block $C$. So for some $V$ (the last $U$) the lower right block
# $T = \beta I - C V$ and the upper left block of the inverse, $S = r N$ with $N = \beta I - V C$ of
# size $p$, are $I + Y Z$ and $I + Z Y$. By Sylvester's identity, twice,
#
# $$ (x - \beta)^e \chi_N(x) = \chi_T(x) = (x - 1)^e \chi_{r N}(x). $$
#
# Compare multiplicities. As $\beta \ne 1$, 1 is an eigenvalue of $N$ with multiplicity at least
# $e$. If $r^j$ is one with multiplicity at least $e$ and $r^{j+1} \ne \beta$, then $r^{j+1}$ is an
# eigenvalue of $r N$, hence of $N$, with the same multiplicity; and $r^{j+1} = 1$ is impossible,
# since its multiplicity would exceed itself by $e$. As $N$ has $p$ eigenvalues, *$\beta = r^k$ for
# some $1 \le k \le p / e$.* For $L U L U L U$ take the inverse: $1/\alpha$, $1/\beta$, $1/r$, and
# the same condition.
#
# *Choice of scalars.* If $e$ is even let $M = -I$: $r = 1$, no power of which is $-1$. Otherwise
# let $\alpha = 2^{q/g}$, $\beta = 2^{-p/g}$, $g = \gcd(p, q)$: $r = 2^{-e/g}$, and $\beta = r^k$
# says $p = k e$.
#
# *Where $p < e^2$ and $e \ge 2$*, let $M = \operatorname{diag}(A, \beta I_q)$, and $A - \alpha I$
# of rank one. Again, if six shears are excluded, so are seven, and the inverse excludes the other
# order. As above, $T = \beta I - C V = I + Y Z$, and $S = \beta^{-1} N A^{-1} = I + Z Y$ is $r N$
# and a matrix of rank one. Count independent eigenvectors. $T$ has $e$ for 1, as $Y Z$ has rank $p$
# at most, and $e$ for $\beta$. $S$ has as many as $T$ for all eigenvalues but 1, and $N$ for all
# but $\beta$; those of $S$ for $r x$ and of $N$ for $x$ differ by one at most. So $N$ has $e$ for
# 1, $e - 1$ for $r$, $e - 2$ for $r^2$, and so on; and, from the $e$ of $S$ for $\beta$, $e - 1$
# for $\beta / r$, $e - 2$ for $\beta / r^2$, and so on, as long as neither chain meets 1 or
# $\beta$.
# For $\alpha = 1$, $\beta = 2$, $A = \operatorname{diag}(1, .., 1, 2^{-q})$ neither does: $N$ would
# have $e^2$ independent eigenvectors. $\blacksquare$
#
# (Conversely a $g$ of degree $p$ solves the equation for $\chi_N$ if $\beta = r^k$, $k e \le p$.
# For $e$ odd that divides $p$, $\beta^e = r^p$ leaves only that over the reals. Over a field with
# an $e$-th root of unity $\beta \ne 1$, as the complex numbers, $\operatorname{diag}(I / \beta,
# \beta I)$ needs eight for every $e \ge 2$.)
#
# *Exact*, on the instances: the constructed layers, the ranks, and obstructions that are checked
# again. *Formally proved*: the bounds $2m + 2$ for some matrices and $2m + 4$ for all.

# %%
from math import gcd

import sympy

from exactflow import factor, minimal_depth, random_matrix, verify
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact.coerce import as_square_matrix
from exactflow.linear.depth.pattern import PatternInstance, SplitMatrix
from exactflow.linear.depth.rank_obstructions import find_eigenvalues_excluding_six_letters

claims = Claims("partitions")
full = proof_options().full


def of_determinant_one(d, seed):
    """Return a random matrix with its last row divided by the determinant."""
    M = random_matrix(d, bits=3, seed=seed)
    M[d - 1, :] = M[d - 1, :] / M.det()
    return M


# %%
for p, q in ((1, 3), (2, 4), (2, 5), (3, 5), (2, 6), (3, 7)):
    K = 2 * -(-q // p) + 1
    with claims.check(f"({p}, {q}): {K} layers suffice, fewer do not", Evidence.EXACT) as check:
        M = of_determinant_one(p + q, seed=1)
        flow = factor(M, partition=(p, q))
        check.equal(flow.depth, K, f"({p}, {q}): {K} layers by construction")
        check.equal(verify(flow, M).flow.depth, K)
        for name, block in (("D", M[p:, p:]), ("d", M.inv()[p:, p:])):
            check.equal((block - sympy.eye(q)).rank(), q, f"1 is no eigenvalue of {name}")

# %% [markdown]
# ## Instances need $2m + 1$ layers, for each $(p, q)$
# For each $p < q$ one instance has $2m + 1$ layers, and its $D - I$ and $d - I$ have full rank.
# Both are open conditions, so that they hold for generic matrices. (For $q \le 2p$ five layers
# suffice whenever $C$ has rank $p$ and $[C, D C]$ rank $q$.) The instances go up to $p + q = 12$,
# and with `--full` up to $(8, 16)$.


# %%
def takes_generic_depth(p, q):
    """Whether the instance for (p, q) takes 2 m + 1 layers, and ranks exclude fewer."""
    M = of_determinant_one(p + q, seed=1)
    flow = factor(M, method="partition", partition=(p, q))
    rational = as_square_matrix(M).to_dense()
    C, D, d = rational[p:, :p], rational[p:, p:], rational.inv()[p:, p:]
    ranks = {(block - D.eye(q, D.domain)).rank() for block in (D, d)}
    if q <= 2 * p:
        ranks.add(C.hstack(D * C).rank())
    return flow.depth == 2 * -(-q // p) + 1 and ranks == {q}


generic = {
    p: [q for q in range(p + 1, 17) if (full or p + q <= 12) and takes_generic_depth(p, q)]
    for p in range(1, 9 if full else 6)
}
with claims.check("2 m + 1 layers are generic", Evidence.EXACT) as check:
    for p, sizes in generic.items():
        expected = [q for q in range(p + 1, 17) if full or p + q <= 12]
        check.equal(sizes, expected, f"p = {p}: q = {sizes[0]} .. {sizes[-1]}")

# %% [markdown]
# ## Matrices that need eight layers
# For each matrix, eight layers compose to it, and obstructions of the kind "chain of eigenvalues"
# exclude seven.

# %%
two = sympy.Integer(2)
eight = {
    "diag(2^5 I_3, 2^-3 I_5)": (sympy.diag(*[two**5] * 3, *[two**-3] * 5), (3, 5)),
    "-I_6": (-sympy.eye(6), (2, 4)),
    "diag(-I_2 / 4, 2 I_4)": (sympy.diag(*[-(two**-2)] * 2, *[two] * 4), (2, 4)),
    "diag(8 I_4, -I_6 / 4)": (sympy.diag(*[two**3] * 4, *[-(two**-2)] * 6), (4, 6)),
    "diag(2^7 I_5, 2^-5 I_7)": (sympy.diag(*[two**7] * 5, *[two**-5] * 7), (5, 7)),
    "diag(I_2, 2^-6, 2 I_6)": (sympy.diag(1, 1, two**-6, *[two] * 6), (3, 6)),
}
for name, (M, partition) in eight.items():
    with claims.check(f"{name} on {partition} takes exactly eight", Evidence.EXACT) as check:
        answer = minimal_depth(M, partition=partition)
        check.equal((answer.lower, answer.upper), (8, 8), answer.summary)
        check.equal(verify(answer.flow, M).flow.depth, 8, "eight layers compose to it")
        for reason in answer.obstructions:
            check.true(reason.is_valid(), str(reason))

# %% [markdown]
# ## The table of the largest depths
# The table has a row for each $p$, and a column for each $q$ from $p$ to 12. An entry is the
# largest number of shears, or an interval that contains it. If it is eight by Theorem 20, the chain
# of eigenvalues is computed for the matrix that needs eight.


# %%
def needs_eight(p, q):
    """Whether Theorem 20 gives a matrix on halves (p, q) that is no product of six shears, hence of
    seven.
    """
    g = gcd(p, q)
    scalars = (two ** (q // g), two ** -(p // g)) if (q - p) % 2 else (-1, -1)
    found = [scalars[0]] * p + [scalars[1]] * q, [1] * (p - 1) + [two**-q] + [two] * q
    matrices = (as_square_matrix(sympy.diag(*entries)).to_dense() for entries in found)
    return any(
        find_eigenvalues_excluding_six_letters(
            PatternInstance("ULULUL", SplitMatrix(M, p), "additive")
        )
        for M in matrices
    )


def largest_depth(p, q):
    """Bounds for the largest number of shears on halves of p <= q."""
    m = -(-q // p)
    if p == q:
        return (4, 4) if p == 1 else (6, 6)
    if (q - 1) % p == 0:
        return 2 * m + 2, 2 * m + 2
    return 2 * m + (4 if m == 2 and needs_eight(p, q) else 2), 2 * m + 4


table = {p: {q: largest_depth(p, q) for q in range(p, 13)} for p in range(1, 13)}
with claims.check("largest depths for p <= q <= 12", Evidence.EXACT) as check:
    for p, row in table.items():
        shown = (str(least) if least == most else f"{least}-{most}" for least, most in row.values())
        sizes = range(p + 2, min(2 * p, 12) + 1)
        eights = [q for q in sizes if row[q] == (8, 8)]
        theorem = [q for q in sizes if (q - p) % 2 == 0 or p % (q - p) or p < (q - p) ** 2]
        check.equal(eights, theorem, f"p = {p}: {' '.join(shown)}")

# %% [markdown]
# ## Matrices that need $2m + 2$ layers if p divides q - 1
#
# Let $M = \operatorname{diag}(A, D)$, and let 1 be no eigenvalue of $D$.

# %%
sharp = {
    (1, 3): sympy.diag(sympy.Rational(1, 8), 2, 2, 2),
    (2, 5): sympy.diag(sympy.Rational(1, 30), 1, 2, 3, 5, -1, -1),
    (2, 7): sympy.diag(sympy.Rational(1, 128), 1, *[2] * 7),
    (3, 7): sympy.diag(2, 2, sympy.Rational(1, 512), *[2] * 7),
}
with claims.check("2 m + 2 layers suffice if p divides q - 1", Evidence.EXACT) as check:
    for (p, q), M in sharp.items():
        flow, m = factor(M, method="partition", partition=(p, q)), -(-q // p)
        check.equal((flow.depth, M.det()), (2 * m + 2, 1), f"({p}, {q}): {flow.depth} layers")
        check.equal(flow.matrix(), M)
        check.equal((M[p:, p:] - sympy.eye(q)).rank(), q, "1 is no eigenvalue of D")

# %% [markdown]
# ## Matrices that need $2m + 2$ layers with positive scales, too
# $\operatorname{diag}(A, -I_q)$ still needs $2m + 2$ layers if positive scales are allowed.

# %%
for p, q in ((1, 4), (2, 4), (2, 5), (3, 5)):
    with claims.check(f"({p}, {q}): 2 m + 2 with scales, too", Evidence.EXACT) as check:
        M = sympy.diag(*[2 * (-1) ** (q * (k == 0)) for k in range(p)], -sympy.eye(q))
        answer = minimal_depth(M, scales="positive", partition=(p, q))
        check.equal(answer.lower, 2 * -(-q // p) + 2, answer.summary)
        for reason in answer.obstructions:
            check.true(reason.is_valid(), str(reason))

# %% [markdown]
# ## Layers for three channels, and for a checkerboard mask
# RGB images have three channels; a checkerboard keeps every second coordinate.

# %%
M = random_matrix(3, bits=6, seed=2)
checkerboard = [1, 0, 1, 0, 1, 0]
N = random_matrix(6, bits=1, seed=3)
with claims.check("three channels, and a checkerboard mask", Evidence.EXACT) as check:
    check.equal(factor(M).matrix(), M, f"three channels: {factor(M).depth} layers, split (1, 2)")
    flow = factor(N, partition=checkerboard)
    check.equal(flow.matrix(), N, f"checkerboard: {flow.depth} layers")
    check.equal(flow.order, (0, 2, 4, 1, 3, 5), "the order in which the layers see coordinates")
flow
