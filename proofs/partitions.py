# %% [markdown]
# # Halves of any two sizes
#
# **Theorem 7** (after Koehler, Mehta, Risteski, ICML 2021: the choice of partition is no bottleneck
# for depth). Let $p \le q$ and $m = \lceil q / p \rceil$. Every matrix of determinant 1 on $p + q$
# coordinates is a product of at most $2m + 4$ alternating shears, and of $2m + 3$ if its lower left
# block has rank $p$. If $p$ divides $q - 1$, at most $2m + 2$ and $2m + 1$ (to our knowledge new).
# A generic one is a product of $2m + 1$, for $p < q$. No fewer do if 1 is an eigenvalue of neither
# $D$ nor $d$, the lower right blocks of $M$ and of $M^{-1}$; and $\operatorname{diag}(A, D)$ then
# needs $2m + 2$.
#
# **Why.** Images have three channels, and masks keep a quarter of the coordinates. The paper asks
# whether the partition matters for depth. It costs a factor: a shear changes the larger half by a
# matrix of rank $p$ at most, so about $q / p$ of them are needed, and they suffice. Another
# determinant goes into one scale entry, as in `six_layers`, which has halves that differ by at most
# one.
#
# ## From below
#
# Let $e = \begin{pmatrix} 0 & I \end{pmatrix}$ be the lower $q$ rows of $I$. Then $e U(X) = e$ and
# $e L(Y) = e + Y \begin{pmatrix} I & 0 \end{pmatrix}$. So in a word with $s$ factors $L$, $D - I$
# is a sum of $s$ products through $\mathbb{F}^p$, of $s - 1$ if the word ends in an $L$; likewise
# $d - I$, by the inverse word, of $s - 1$ if it starts with one. The rank of both is $q$, so $s p
# \ge q$, and $(s - 1) p \ge q$ for a word that starts or ends with $L$. In each case these are at
# least $2m + 1$ factors.
#
# Let $M = \operatorname{diag}(A, D)$ be a word of $2m + 1$ letters, the first and the last of which
# are $U$. As $M U(X) = U(A X D^{-1}) M$, the last one can be pushed through $M$ and merged with the
# first: $2m$ letters remain, which has just been excluded. With $L$ it is the same. So $2m + 2$ are
# needed.
#
# ## From above
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
# -H c$, for $D c = -C a$. It is invertible, and so is the opposite block $D'$. Let the last $k$
# vectors of a dual basis be rows of $H$. In this basis
#
# $$ D' = \begin{pmatrix} d_1 & d_2 \\ 0 & I_k \end{pmatrix}. $$
#
# As $D'$ is invertible, a factor $L$ from the right gives $M U(-V)$ any lower left block: let it be
# $\begin{pmatrix} C_2 \\ 0 \end{pmatrix}$, where $C_2$ has rank $p$ and $d_2 = C_2 x$ for some $x$,
# which can be had since $d_2$ has at most $p$ columns. Now $U\big((0, -x)\big)$ from the right
# clears $d_2$, and a $U$ from the left what stands above $I_k$.
#
# **The count.** Peel $m - 1$ times, first $q - (m - 1) p$ coordinates and then $p$ each, until $(p,
# p)$ is left, with an invertible lower left block: there five shears $U L U L U$ do (`six_layers`).
# Each peel adds one $L$, and its outer $U$ merge. So there are $m + 1$ factors $L$, in all $2m + 3$
# factors. Where $\operatorname{rank} C < p$, a first $L(W_0)$ mends that (`six_layers`). If $p$
# divides $q - 1$, peel $m - 2$ times until $(p, p + 1)$ is left, where $U L U L U$ do as well: one
# $L$ less, hence $2m + 1$ and $2m + 2$. $\blacksquare$
#
# ## Generic matrices
#
# Peel $m - 2$ times $p$ coordinates: $p < q \le 2p$ is left, and $k = q - p$. Wanted is $V$ such
# that $T = D + C V$ and $S = a - V c$ are $I + Y Z$ and $I + Z Y$. Choose $k$ rows $K$ and let $V$
# fulfil $K T = K$. In a basis whose dual ends with $K$
#
# $$ T = \begin{pmatrix} T_1 & T_2 \\ 0 & I_k \end{pmatrix}, \quad
#    Y = \begin{pmatrix} G \\ 0 \end{pmatrix}, \quad
#    Z = G^{-1} \begin{pmatrix} T_1 - I & T_2 \end{pmatrix}, $$
#
# so that $I + Y Z = T$, and $I + Z Y = S$ if $T_1 G = G S$. If $q < 2p$, $V$ is not determined by
# that; if $q = 2p$ it is, $V = h (I - D)$ with $h = (K C)^{-1} K$, and $h$ may be any solution of
# $h C = I$. In both cases $V = V_0 + u r^\mathsf{T} N$ with a free row $r^\mathsf{T}$, for fixed
# $V_0$, $u$ and $N$. Then $\chi_{T_1} = \chi_T / (x - 1)^k$ and $\chi_S$ are affine in $r$, with
# equal determinants: $p - 1$ linear equations make them equal, and $T_1$ and $S$ similar, if the
# roots are simple. That the equations can be solved with simple roots is an open condition on $M$,
# and holds for generic matrices if it does for one: the instances below show it for their sizes.
#
# Both sides are *exact*, on the instances: a construction with K layers, and the two ranks. The
# bounds $2m + 2$ for some matrices and $2m + 4$ for all are *formally proved*.

# %%
import sympy

from exactflow import factor, random_matrix, verify
from exactflow.claims import Claims, Evidence

claims = Claims("Partitions (after ICML 2021)")


def of_determinant_one(d, seed):
    """Return a random matrix with its last row divided by the determinant."""
    M = random_matrix(d, bits=3, seed=seed)
    M[d - 1, :] = M[d - 1, :] / M.det()
    return M


# %%
for p, q in ((1, 3), (2, 4), (2, 5), (3, 5), (2, 6), (3, 7)):
    K = 2 * -(-q // p) + 1
    with claims.check(f"({p}, {q}): {K} layers do, and fewer do not", Evidence.EXACT) as check:
        M = of_determinant_one(p + q, seed=1)
        flow = factor(M, partition=(p, q))
        check.equal(flow.depth, K, f"({p}, {q}): {K} layers by construction")
        check.equal(verify(flow, M).flow.depth, K)
        for name, block in (("D", M[p:, p:]), ("d", M.inv()[p:, p:])):
            check.equal((block - sympy.eye(q)).rank(), q, f"1 is no eigenvalue of {name}")

# %% [markdown]
# ## Matrices that need more
# $\operatorname{diag}(2^5 I_3, 2^{-3} I_5)$ needs $2m + 4 = 8$ (quoted from the theory; here eight
# are shown to do).

# %%
two = sympy.Integer(2)
hard = {
    "diag(2^5 I_3, 2^-3 I_5)": (sympy.diag(*[two**5] * 3, *[two**-3] * 5), (3, 5)),
    "diag(A, 2 I_4)": (sympy.diag(sympy.Rational(1, 48), 3, 2, 2, 2, 2), (2, 4)),
}
with claims.check("at most 2 m + 4 layers, degenerate matrices included", Evidence.EXACT) as check:
    for name, (M, (p, q)) in hard.items():
        flow = factor(M, method="partition", partition=(p, q))
        bound = 2 * -(-q // p) + 4
        check.true(flow.depth <= bound, f"{name}: {flow.depth} layers, at most {bound}")
        check.equal(flow.matrix(), M)

# %% [markdown]
# ## Where p divides q - 1
#
# $2m + 2$ layers, and no fewer for $M = \operatorname{diag}(A, D)$ where 1 is no eigenvalue of $D$.

# %%
sharp = {
    (1, 3): sympy.diag(sympy.Rational(1, 8), 2, 2, 2),
    (2, 5): sympy.diag(sympy.Rational(1, 30), 1, 2, 3, 5, -1, -1),
    (2, 7): sympy.diag(sympy.Rational(1, 128), 1, *[2] * 7),
    (3, 7): sympy.diag(2, 2, sympy.Rational(1, 512), *[2] * 7),
}
with claims.check("2 m + 2 layers where p divides q - 1", Evidence.EXACT) as check:
    for (p, q), M in sharp.items():
        flow, m = factor(M, method="partition", partition=(p, q)), -(-q // p)
        check.equal((flow.depth, M.det()), (2 * m + 2, 1), f"({p}, {q}): {flow.depth} layers")
        check.equal(flow.matrix(), M)
        check.equal((M[p:, p:] - sympy.eye(q)).rank(), q, "1 is no eigenvalue of D")

# %% [markdown]
# ## Masks and odd channel counts
# RGB images have three channels; a checkerboard takes every other coordinate.

# %%
M = random_matrix(3, bits=6, seed=2)
checkerboard = [1, 0, 1, 0, 1, 0]
N = random_matrix(6, bits=4, seed=3)
with claims.check("three channels, and a checkerboard mask", Evidence.EXACT) as check:
    check.equal(factor(M).matrix(), M, f"three channels: {factor(M).depth} layers, split (1, 2)")
    flow = factor(N, partition=checkerboard)
    check.equal(flow.matrix(), N, f"checkerboard: {flow.depth} layers")
    check.equal(flow.order, (0, 2, 4, 1, 3, 5), "the order in which the layers see coordinates")
flow
