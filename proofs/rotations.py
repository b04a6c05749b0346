# %% [markdown]
# # Rotations: six well-conditioned shears, and eleven couplings for any matrix
#
# **Theorem 10** (to our knowledge new; a bounded number of layers: Koehler, Mehta, Risteski, ICML
# 2021). Let $M$ be a rotation of $\mathbb{R}^d$, $d \ge 2$, with halves of $n$ and $q$ coordinates,
# $q = n$ or $n + 1$. Then $M$ is a product of six shears, whose shifts have spectral norms at most
# $1, 4, 1, 2, 2, 2$. So no condition number exceeds $(2 + \sqrt 5)^2 < 18$, for any $d$.
#
# **Theorem 11.** Every matrix $W$ of positive determinant is a product of eleven affine couplings.
# If $\det W = 1$, the condition number of each is at most $18 \max(\lVert W \rVert, \lVert W^{-1}
# \rVert)$, so at most 18 times that of $W$.
#
# **A lower bound.** Six shears whose product is block diagonal and has the eigenvalue $-1$ cannot
# all have condition numbers below $(3 + \sqrt 5) / 2$. For $-I$ on equal halves this bound is
# attained.
#
# **Why.** Koehler, Mehta and Risteski ask how deep and how badly conditioned affine couplings must
# be; a badly conditioned layer cannot be inverted in floating point. For linear maps both are
# bounded at once. The six shears can replace a 1x1 convolution of Glow, or start a search for
# better ones (`exactflow.balance`). In the plane a rotation is a product of three shears (Paeth
# 1986; Toffoli and Quick 1997 in three dimensions), and lifting writes filter banks as products of
# such steps (Daubechies and Sweldens 1998). There a step moves one coordinate or one channel, and
# the number of steps grows with the dimension. Here a step moves half of the coordinates.
#
# ## Proof of Theorem 10
#
# Write $M = \begin{pmatrix} A & B \\ C & D \end{pmatrix}$, $U(X) = \begin{pmatrix} I & X \\ 0 & I
# \end{pmatrix}$ and $L(Y) = \begin{pmatrix} I & 0 \\ Y & I \end{pmatrix}$.
#
# *Step 1: a first layer.* Let $A = U_1 c V_1^\mathsf{T}$ be a singular value decomposition, and $s$
# diagonal with $c^2 + s^2 = I$, $s \ge 0$. Since $A^\mathsf{T} A + C^\mathsf{T} C = I$, the columns
# of $C V_1$ are orthogonal, of lengths $s_i$: $C = U_2 s V_1^\mathsf{T}$, where $U_2$ has
# orthonormal columns (any, where $s_i = 0$). Put
#
# $$ W_0 = U_2\, \frac{c}{1 + s}\, U_1^\mathsf{T}, \qquad C' = C + W_0 A = U_2 V_1^\mathsf{T}, $$
#
# for $s + c^2 / (1 + s) = 1$, and $D'' = D + W_0 B$. So $\lVert W_0 \rVert \le 1$, and $C'$ has
# orthonormal columns. The inverse of $M' = L(W_0) M$ is $M^\mathsf{T} L(-W_0)$, with the left
# blocks $a = A^\mathsf{T} - C^\mathsf{T} W_0 = V_1 \frac{c}{1 + s} U_1^\mathsf{T}$ and $-J$, where
# $J = D^\mathsf{T} W_0 - B^\mathsf{T}$. The columns of $J$ are orthonormal, too: by $M
# M^\mathsf{T} = I$
#
# $$ J^\mathsf{T} J = I + W_0^\mathsf{T} W_0 - a^\mathsf{T} a = I. $$
#
# *Step 2: two square matrices.* If $q = n$ let $\hat C = C'$ and $\hat J = J$. If $q = n + 1$ let
# $u$ be a unit vector orthogonal to the columns of $C'$, hence to those of $U_2$, and $v =
# D^\mathsf{T} u$. As $W_0^\mathsf{T} u = 0$, also $v = D''^\mathsf{T} u$. In $M' M'^{-1} = I$
# stands $D'' J = C' a$, so $v^\mathsf{T} J = u^\mathsf{T} C' a = 0$; and $M' M'^\mathsf{T} = L(W_0)
# L(W_0)^\mathsf{T}$ says
#
# $$ D'' D''^\mathsf{T} = I + W_0 W_0^\mathsf{T} - C' C'^\mathsf{T}, $$
#
# so $|v| = 1$. Let $\hat C = (C', u)$ and $\hat J = (J, v)$. Both are orthogonal, and so is
# $\Theta = \hat J^\mathsf{T} \hat C$.
#
# *Step 3: the shears from two orthogonal matrices.* Let $P$ be orthogonal; if $q = n + 1$, let it
# fix the last unit vector, so that $P = \operatorname{diag}(p, 1)$; if $q = n$, $p = P$. Put
#
# $$ D' = \hat C P \hat J^\mathsf{T}, \qquad V = C'^\mathsf{T} (D'' - D'). $$
#
# Then $D'' - C' V = D'$, for $C' C'^\mathsf{T} = I$ if $q = n$, and else $I - u u^\mathsf{T}$, with
# $u^\mathsf{T} D' = v^\mathsf{T} = u^\mathsf{T} D''$. So $D'$ is the lower right block of $M'
# U(-V)$, and the upper left one of its inverse is
#
# $$ a - V J = a - C'^\mathsf{T} D'' J + C'^\mathsf{T} D' J = C'^\mathsf{T} D' J = p. $$
#
# With $P = I$ the two blocks are $\hat C \hat J^\mathsf{T}$ and $I$; a block of a matrix of
# determinant 1 and the opposite block of the inverse have equal determinants, so $\det \Theta = 1$.
#
# Suppose that $P \Theta g = g P$ for an orthogonal $g$. With $G = \hat C g$ this says $D' = G P
# G^\mathsf{T}$. Let $Y$ be the first $n$ columns of $G$ and $Z = (p - I) Y^\mathsf{T}$: then
#
# $$ D' = I + Y Z, \qquad p = I + Z Y. $$
#
# Finally let $W = D'^{-1} (C' - Y)$, $B' = B - A V$ and $X = (B' - Z) D'^{-1}$. The product $U(X)
# L(Y) U(Z) L(W)$ has the lower blocks $Y + (I + Y Z) W = C'$ and $I + Y Z = D'$, the upper right
# one $X (I + Y Z) + Z = B'$, and its inverse has the upper left one $I + Z Y = p$. These four
# determine a matrix, so the product is $M' U(-V)$, and
#
# $$ M = L(-W_0)\, U(X)\, L(Y)\, U(Z)\, L(W)\, U(V). $$
#
# *Step 4: $P$ and $g$ exist.* As $\det \Theta = 1$, $\Theta$ is an orthogonal direct sum of plane
# rotations (the eigenvalues $-1$, evenly many, pair up to planes that turn by $\pi$) and of an
# identity. In each plane that turns by $\alpha \in [-\pi, \pi]$ let $H$ turn by $-\alpha / 2$, and
# let $K$ reflect the plane in one of its axes; elsewhere both are the identity. Then $\Theta =
# H^{-2}$, $K^2 = I$ and $K H K = H^{-1}$, so that
#
# $$ H \Theta K = H^{-1} K = K H, \qquad K \Theta H = K H^{-1} = H K. $$
#
# If $q = n$, take $(P, g) = (H, K)$. If $q = n + 1$, take $(P, g) = (K, H)$, and choose as axis of
# each plane the projection of the last unit vector on it, if that is not zero: $K$ fixes all these
# projections, and so the vector.
#
# *Step 5: norms.* $Y$ has orthonormal columns. $\lVert Z \rVert \le \lVert P - I \rVert \le 2$; for
# $P = H$, whose angles are at most $\pi / 2$, it is at most $\sqrt 2$. $D'$ is orthogonal, so
# $\lVert W \rVert \le 2$; $\lVert D'' \rVert \le 1$ by the formula of step 2, so $\lVert V \rVert
# \le 2$. The left lower and right lower blocks of $M'^{-1} M' = I$ say $D^\mathsf{T} C' = J A$ and
# $D^\mathsf{T} D'' = I + J B$; hence $A C'^\mathsf{T} D'' = J^\mathsf{T} D^\mathsf{T} C'
# C'^\mathsf{T} D'' = J^\mathsf{T} + B$, where $J^\mathsf{T} v = 0$ removes what $u u^\mathsf{T}$
# adds. So $B - A V = A C'^\mathsf{T} D' - J^\mathsf{T}$ and
#
# $$ X = A C'^\mathsf{T} - (J^\mathsf{T} + Z)\, D'^{-1}, \qquad
#    \lVert X \rVert \le 2 + \lVert Z \rVert. $$
#
# For $q = n$ the six norms are at most $1,\, 2 + \sqrt 2,\, 1,\, \sqrt 2,\, 2,\, 2$. A shear of
# norm $\sigma$ has the condition number $\big((\sigma + \sqrt{\sigma^2 + 4}) / 2\big)^2$, since
# $\begin{pmatrix} 1 & 0 \\ \sigma & 1 \end{pmatrix}$ has singular values $\tau$ and $1 / \tau$ with
# $\tau - 1 / \tau = \sigma$. $\blacksquare$
#
# *A proof without planes.* The formal proof finds $K$ by reflections alone. If $\sigma$ is the
# reflection that takes $\Theta e_1$ to $e_1$, or $I$ where they are equal, then $\sigma \Theta =
# \operatorname{diag}(1, \Theta')$; a $K'$ that reverses $\Theta'$ ($K' \Theta' K' = \Theta'^{-1}$)
# and fixes the lower part of $\Theta e_1$ exists by induction, and $K = \operatorname{diag}(1, K')$
# or, where $\sigma \ne I$, $K = \operatorname{diag}(1, K' \Theta')$ reverses $\Theta$. Then $K$ and
# $K \Theta$ are symmetric involutions whose traces differ by $1 - \det \Theta = 0$, so some
# orthogonal $g$ has $K \Theta g = g K$.
#
# ## Proof of Theorem 11
#
# Let $W = Q \Sigma R^\mathsf{T}$ be a singular value decomposition with rotations $Q$ and $R$
# (negate a column of both where needed; $\det W > 0$), $\Sigma = \operatorname{diag}(S_1, S_2)$, no
# entry of $S_1$ above one of $S_2$. By Theorem 10 $Q$ is a word $LULULU$, and $R^\mathsf{T}$, as
# the inverse of such a product, is one $ULULUL$. Write $S_1 = a b$ and $S_2 = e f$ with $a, e \le 1
# \le b, f$. The middle factors are a product of four affine couplings:
#
# $$ L(T_1)\, U(X)\, \Sigma\, U(Y)\, L(T_2)\, U(Z) = N_1 N_2 N_3 N_4, $$
# $$ N_1 = \begin{pmatrix} I & 0 \\ T_1 & e \end{pmatrix}, \quad
#    N_2 = \begin{pmatrix} a & X e + S_1 Y f^{-1} \\ 0 & I \end{pmatrix}, $$
# $$ N_3 = \begin{pmatrix} I & 0 \\ f T_2 b^{-1} & f \end{pmatrix}, \quad
#    N_4 = \begin{pmatrix} b & b Z \\ 0 & I \end{pmatrix}. $$
#
# Four shears of $Q$ and three of $R^\mathsf{T}$ remain: eleven in all. Each $N_i$ is a shear times
# a diagonal matrix:
#
# $$ N_1 = L(T_1) \operatorname{diag}(1, e), \quad N_2 = U(X e + S_1 Y f^{-1})
#    \operatorname{diag}(a, 1), \quad N_3 = \operatorname{diag}(1, f)\, L(T_2 b^{-1}), \quad
#    N_4 = \operatorname{diag}(b, 1)\, U(Z). $$
#
# By Theorem 10 $T_1, X, Y, T_2, Z$ have norms at most 2, and $\lVert S_1 Y f^{-1} \rVert \le
# \lVert a \rVert \lVert b \rVert \lVert Y \rVert \lVert f^{-1} \rVert \le \lVert Y \rVert$, for no
# entry of $b$ is above one of $f$. So all shifts have norms at most 4, and all shears condition
# numbers at most 18. Let $k$ be the largest of $1$, $\lVert W \rVert$ and $\lVert W^{-1} \rVert$.
# The entries of a diagonal matrix are from $1 / k$ to $1$, or from $1$ to $k$, so its condition
# number is at most $k$, and that of $N_i$ at most $18 k$. If $\det W = 1$, neither norm is below 1.
# $\blacksquare$
#
# *Formally proved*: both theorems, over every real closed field. *For all n*: the identities, in
# noncommuting symbols. *Certified*: condition numbers on instances, by enclosed singular values.
# *Exact*: the stated error is that of the product of the floats. *Numeric*: the tables.

# %%
import sys

import numpy as np
import sympy

from exactflow import factor, whiten
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.errors import MethodError
from exactflow.exact.balls import upper
from exactflow.exact.numbers import format_up
from exactflow.explanation.symbolic_identities import IDENTITIES
from exactflow.floats.balancing import balance
from exactflow.laws.conditioning import condition_number

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.experiments.descent import adam_layers

claims = Claims("rotations")
options = proof_options()

# %% [markdown]
# ## The identities of both proofs hold in noncommuting symbols
#
# For step 3 let $h Y = I$, $j J = I$, $s J = 0$, where $h$ and $j$ stand for the transposes of $Y$
# and $J$; let $D' = I + Y (P - I) h$ and $C' = D' J P^{-1}$, which determines the rest of $M'$. For
# step 4 let $H = K S$ for two involutions $K$ and $S$. The third identity is the middle of Theorem
# 11.

# %%
for name in ("rotation", "two involutions", "eleven layers"):
    with claims.check(IDENTITIES[name].statement, Evidence.FOR_ALL_N) as check:
        proof = IDENTITIES[name].prove()
        check.true(proof.words > 0, str(proof))


# %% [markdown]
# ## Families of rotations for the tests
# They contain generic rotations, and those for which a construction could fail: multiple
# eigenvalues 1 and -1, angles near 0, pi / 2 and pi, and blocks A, B that vanish.


# %%
def make_positive(M: np.ndarray) -> np.ndarray:
    """Return an orthogonal matrix with its first column negated where det < 0."""
    return M * np.where(np.arange(len(M)) == 0, np.sign(np.linalg.slogdet(M)[0]), 1)


def rotation(d: int, seed: int) -> np.ndarray:
    """Return the orthogonal factor of a Gaussian matrix, of determinant 1."""
    G = np.random.default_rng([d, seed]).standard_normal((d, d))
    return make_positive(np.linalg.qr(G)[0])


def rotation_by_angles(d: int, angle: float, spread: float, seed: int) -> np.ndarray:
    """Return a rotation whose planes turn by angles near `angle`, in a random basis."""
    M = np.eye(d)
    noise = spread * np.random.default_rng([d, seed]).standard_normal(d // 2)
    for k, a in enumerate(angle + noise):
        plane = slice(2 * k, 2 * k + 2)
        M[plane, plane] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    Q = rotation(d, seed + 1)
    return Q @ M @ Q.T


def half_turn(d: int, places: tuple[int, int]) -> np.ndarray:
    """Return the rotation that negates two coordinates."""
    M = np.eye(d)
    M[places, places] = -1
    return M


FAMILIES = {
    "rotation": rotation,
    "permutation": lambda d, s: make_positive(np.eye(d)[np.random.default_rng(s).permutation(d)]),
    "signs": lambda d, s: make_positive(np.diag(np.random.default_rng(s).choice([-1.0, 1.0], d))),
    "two axes of one half": lambda d, s: half_turn(d, (d - 2, d - 1)),
    "an axis of each half": lambda d, s: half_turn(d, (0, d - 1)),
    "near I": lambda d, s: rotation_by_angles(d, 0, 1e-8, s),
    "near -I": lambda d, s: rotation_by_angles(d, np.pi, 1e-8, s),
    "angles pi / 2": lambda d, s: rotation_by_angles(d, np.pi / 2, 0, s),
    "block swap": lambda d, s: make_positive(np.roll(np.eye(d), d // 2, axis=0)),
}

# %% [markdown]
# ## No condition number exceeds 18, by enclosures

# %%
with claims.check("six shears, condition numbers at most 18", Evidence.CERTIFIED) as check:
    for d in range(2, 8 if options.full else 6):
        for name, family in FAMILIES.items():
            result = balance(family(d, 0))
            balls = [condition_number(layer.matrix()) for layer in result.flow]
            worst = max(map(upper, balls))
            all_below = all(ball < 18 for ball in balls)
            check.true(
                len(result.layers) == 6 and bool(all_below),
                f"d = {d}, {name}: at most {format_up(worst, 6)}, and the product is within "
                f"{format_up(result.error, 1)}",
            )

# %%
with claims.check("the stated error is that of the exact product", Evidence.EXACT) as check:
    for d in (2, 3, 8, 9):
        for name, family in FAMILIES.items():
            W = family(d, 1)
            result = balance(W)
            exact = sympy.Matrix(d, d, [sympy.Rational(*w.as_integer_ratio()) for w in W.ravel()])
            difference = max(map(abs, result.flow.matrix() - exact))
            check.equal(difference, result.error, f"d = {d}, {name}")

# %% [markdown]
# ## No condition number exceeds 18 in many dimensions

# %%
SIZES = (2, 3, 4, 9, 16, 17) + ((64, 129, 256) if options.full else (32,))
closed: dict[int, float] = {}
with claims.check("rotations of many sizes, at most 18", Evidence.NUMERIC) as check:
    for d in SIZES:
        for name, family in FAMILIES.items():
            W = family(d, 2)
            result = balance(W)
            worst = max(result.condition_numbers)
            closed[d] = max(worst, closed.get(d, 0.0))
            error = float(result.error) / np.abs(W).max()
            check.true(
                bool(worst < 18 and error < 2e-15),
                f"d = {d:4}, {name:20}: condition {worst:5.2f}, entries to {result.magnitude:.2f}, "
                f"error {error:.0e}",
            )

# %% [markdown]
# ## Eleven layers are conditioned as the matrix is
#
# The singular values run from $1$ to $\kappa$ in equal ratios, or one of them differs from all
# others; they are scaled to determinant 1. The printed quotient is the largest condition number of
# a layer over $\max(\lVert W \rVert, \lVert W^{-1} \rVert)$. The printed error is the largest of
# an entry over $\lVert W \rVert$; the singular value decomposition has an error of this size.


# %%
def spectra(d: int, kappa: float) -> dict[str, np.ndarray]:
    """Return lists of d singular values with quotient `kappa` and product 1."""
    even = np.logspace(0, np.log10(kappa), d)
    one = np.where(np.arange(d) == 0, kappa, 1.0)
    lists = {"even": even, "one large": one, "one small": 1 / one}
    return {name: s / np.exp(np.log(s).mean()) for name, s in lists.items()}


with claims.check("eleven layers, conditioned as the matrix is", Evidence.NUMERIC) as check:
    for d in (2, 3, 16, 17, 64) if options.full else (2, 3, 9):
        for kappa in (10.0, 1e3, 1e6, 1e9, 1e12) if options.full else (10.0, 1e6, 1e12):
            for name, s in spectra(d, kappa).items():
                W = rotation(d, 3) * s @ rotation(d, 4)
                result = balance(W, method="closed")
                worst, extent = max(result.condition_numbers), max(s.max(), 1 / s.min())
                error = float(result.error) / s.max()
                check.true(
                    bool(len(result.layers) == 11 and worst < 6 * extent and error < 1e-15),
                    f"d = {d:3}, kappa {kappa:.0e}, {name:9}: condition {worst:7.1e}, "
                    f"max(|W|, |W^-1|) {extent:7.1e}, quotient {worst / extent:4.1f}, "
                    f"error {error:.0e}",
                )

# %% [markdown]
# ## A large or small determinant is shared by the layers
#
# A layer scales one half only, so for $W = s W_1$ each layer must scale by a part of $s$. If $s =
# 10^{12}$ and $W_1$ is a rotation, three layers move each half, and each of them scales by $10^4$.

# %%
with claims.check("a scalar is spread evenly over the layers", Evidence.NUMERIC) as check:
    for d in (2, 3, 16):
        for exponent in (-12, 12):
            result = balance(10.0**exponent * rotation(d, 0))
            worst = max(result.condition_numbers)
            check.true(
                bool(worst < 18 * 10**4), f"d = {d:2}, s = 1e{exponent}: condition {worst:.1e}"
            )

# %% [markdown]
# ## Six shears with the eigenvalue -1 have a norm of at least 1
#
# Let $U(A) L(B) U(C) L(D) U(E) L(F) = \operatorname{diag}(P, R)$ and $y^\mathsf{T} P =
# -y^\mathsf{T}$, for halves of any two sizes. Then $U(A) L(B) U(C) = \operatorname{diag}(P, R)\,
# \big(L(D) U(E) L(F)\big)^{-1}$, and the upper left blocks say
#
# $$ I + A B = P (I + E D), \qquad \text{so} \qquad y^\mathsf{T} (A B + E D) = -2 y^\mathsf{T}. $$
#
# If all of $\lVert A \rVert, \lVert B \rVert, \lVert D \rVert, \lVert E \rVert$ were below 1, the
# left side would be shorter than the right one: a norm is at least 1, and a condition number at
# least $\big((1 + \sqrt 5) / 2\big)^2 = (3 + \sqrt 5) / 2$. For a product that starts with $L$, or
# an eigenvector of $R$, exchange the halves, or take the inverse. For $-I$ this holds for at most
# six shears in any order (formally proved: `half_turn_in_any_order`).
#
# The smallest example is $-I$ for $d = 2$: shears of norm 1 suffice, with condition numbers of
# 2.618. The closed form has 5.8 there.

# %%
with claims.check(
    "six shears with a block diagonal product and the eigenvalue -1: a norm is at least 1",
    Evidence.FOR_ALL_N,
) as check:
    for name in ("blocks of three layers", "last three layers"):
        proof = IDENTITIES[name].prove()
        check.true(proof.words > 0, f"{proof.name}: {IDENTITIES[name].statement}")

with claims.check("-I on equal halves: norms 1 are reached", Evidence.EXACT) as check:
    for n in (1, 2, 3):
        one, zero = sympy.eye(n), sympy.zeros(n)
        up = sympy.BlockMatrix([[one, one], [zero, one]]).as_explicit()
        down = sympy.BlockMatrix([[one, zero], [-one, one]]).as_explicit()
        check.equal((up * down) ** 3, -sympy.eye(2 * n), f"(U(I) L(-I))^3 = -I, n = {n}")
        largest = max(map(sympy.sqrt, (up.T * up).eigenvals()))
        condition = sympy.simplify(largest**2)  # a shear and its inverse have the same norm
        check.equal(
            sympy.expand(condition - (3 + sympy.sqrt(5)) / 2), 0, "condition (3 + sqrt 5) / 2"
        )

# %%
with claims.check(
    "the search stays above 2.618, the bound, and near it", Evidence.NUMERIC
) as check:
    least = (3 + 5**0.5) / 2
    for d in (2, 4, 6):
        for name, W in (("-I", -np.eye(d)), ("two axes", half_turn(d, (d - 2, d - 1)))):
            worst = min(
                max(balance(W, method="search", layers=6, seed=seed).condition_numbers)
                for seed in range(3)
            )
            check.true(least < worst < 6, f"d = {d}, {name}: condition {worst:.3f} > {least:.3f}")

# %% [markdown]
# ## Halves that differ by more than one need more layers
# With m = q / p rounded up, 2 m + 1 layers suffice for almost every matrix, but not for every
# rotation: -I on halves (1, 3) needs eight (`partitions`), and the search finds eight and not
# seven. For random rotations, 2 m + 2 layers have condition numbers that do not grow with d. We
# know no closed form: an involution that reverses Theta and fixes q - p > 1 given axes need not
# exist.

# %%
with claims.check("unequal halves: 2 m + 2 layers of random rotations", Evidence.NUMERIC) as check:
    for p, q in ((1, 3), (1, 4), (2, 4), (4, 8)) + ((8, 16),) * options.full:
        layers = 2 * -(-q // p) + 2
        results = [
            balance(rotation(p + q, seed), partition=(p, q), layers=layers) for seed in (0, 1)
        ]
        worst = max(max(result.condition_numbers) for result in results)
        check.true(bool(worst < 18), f"halves {(p, q)}, {layers} layers: condition {worst:.2f}")

# %%
with claims.check("-I, halves (1, 3): eight layers, not seven", Evidence.NUMERIC) as check:
    check.true(max(balance(-np.eye(4), partition=(1, 3), layers=8).condition_numbers) < 6, "eight")
    try:
        balance(-np.eye(4), partition=(1, 3), layers=7)
        found = True
    except MethodError:
        found = False
    check.true(not found, "seven are not found")

# %% [markdown]
# ## Seven layers suffice, but are worse conditioned than eleven
#
# Two affine layers $G$ whiten $W W^\mathsf{T}$ (`gaussian_depth`), and $G W$ is a rotation, hence a
# product of six shears. In $W = G^{-1} (G W)$ two neighbours move the same half, so that $W$ is a
# product of *seven* affine couplings, if two whitening layers are found. But their condition
# numbers are not bounded by that of $W$: already for $d = 5$ and $\kappa = 10^3$ a layer of $G$ is
# worse than all eleven. The search finds six layers with far smaller condition numbers. We do not
# know whether eleven is the least number with the bound of Theorem 11.

# %%
with claims.check("seven layers, worse conditioned than eleven", Evidence.NUMERIC) as check:
    for d, kappa in ((4, 10.0), (5, 1e3), (8, 1e3)) + ((16, 1e3),) * options.full:
        W = rotation(d, 3) * spectra(d, kappa)["even"] @ rotation(d, 4)
        G = whiten(W @ W.T)
        Q = np.array(G.flow.matrix().tolist(), dtype=float) @ W
        whitening = max(np.linalg.cond(np.array(S.matrix().tolist(), dtype=float)) for S in G.flow)
        eleven = max(balance(W, method="closed").condition_numbers)
        six = max(balance(W, method="search").condition_numbers)
        check.true(
            bool(
                np.abs(Q @ Q.T - np.eye(d)).max() < 1e-10
                and np.linalg.det(Q) > 0
                and (whitening > eleven) == (kappa > 100)
                and six < eleven
            ),
            f"d = {d:2}, kappa {kappa:.0e}: the worst of G {whitening:8.1f}, of eleven "
            f"{eleven:6.1f}, of six that the search finds {six:5.1f}",
        )

# %% [markdown]
# ## The search is better conditioned than the closed form, and exact routes are worse
# The search starts from the closed form and reduces the norms. The layers of the exact routes equal
# W, but are worse conditioned. From d = 8 on, Adam (cosine schedule) is between the closed form and
# the search; for d = 4 it is better than both.


# %%
def exact_route(W: np.ndarray, method: str) -> float:
    """Return the largest condition number of a layer of an exact route, in float64."""
    norms = [
        [np.linalg.norm(np.array(S.matrix().tolist(), dtype=float), 2) for S in (layer, inverse)]
        for layer in factor(W, method=method)
        for inverse in [layer.inverse()]
    ]
    return max(float(norm) * float(of_inverse) for norm, of_inverse in norms)


def descend(W: np.ndarray) -> float:
    """Return the largest condition number of six shears that Adam finds."""
    steps = 1000 if options.full else 400
    norms = np.linalg.norm(adam_layers(W, 6, steps, rate=0.02, cosine=True)[0], 2, axis=(1, 2))
    return float(((norms + np.sqrt(norms**2 + 4)) / 2).max() ** 2)


compared: dict[str, dict[int, float]] = {"closed form": {}, "search": {}, "Adam": {}}
compared |= {"transvection": {}, "commutator": {}}
with claims.check("closed form against search and exact routes", Evidence.NUMERIC) as check:
    for d in (4, 8, 12, 16) + ((32, 64) if options.full else ()):
        W = np.ldexp(np.rint(np.ldexp(rotation(d, 5), 12)), -12)
        for name, method in (("closed form", "closed"), ("search", "search")):
            compared[name][d] = max(balance(rotation(d, 5), method=method).condition_numbers)
        if d <= 32:
            compared["Adam"][d] = descend(rotation(d, 5))
        for method in ("transvection", "commutator"):
            if d > 16:
                continue
            try:
                compared[method][d] = exact_route(W, method)
            except MethodError:
                continue
        row = {name: series[d] for name, series in compared.items() if d in series}
        text = ", ".join(f"{name} {value:.3g}" for name, value in row.items())
        exact = [row[name] for name in ("transvection", "commutator") if name in row]
        check.true(
            row["search"] < row["closed form"] < 18
            and all(value > row["closed form"] for value in exact)
            and (d < 8 or "Adam" not in row or row["search"] < row["Adam"] < row["closed form"]),
            f"d = {d:3}: {text}",
        )


# %%
def draw(pyplot, path) -> None:
    """Draw the largest condition number of a layer against d."""
    styles = {
        "closed form": ("#0072B2", "o", "-"),
        "search": ("#009E73", "^", ":"),
        "Adam": ("#E69F00", "v", "-"),
        "transvection": ("#D55E00", "s", "--"),
        "commutator": ("#CC79A7", "D", "-."),
    }
    largest = max(max(series) for series in compared.values())
    figure, axis = pyplot.subplots(figsize=(8, 5.5), layout="constrained")
    for name, series in compared.items():
        colour, marker, line = styles[name]
        style = {"color": colour, "marker": marker, "ls": line, "ms": 8, "lw": 2}
        label = name if max(series) == largest else f"{name}, run to d = {max(series)}"
        axis.plot(list(series), list(series.values()), label=label, **style)
    axis.axhline(18, color="0.4", lw=2)
    inside = axis.get_yaxis_transform()
    axis.text(0.97, 20, "the bound, 18", transform=inside, ha="right", va="bottom", fontsize=14)
    axis.set_title("six shears of a rotation, by each route", fontsize=16)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xlabel("dimension d", fontsize=16)
    axis.set_ylabel("largest condition number of a layer", fontsize=16)
    axis.tick_params(labelsize=13)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=14)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("rotations", draw)
