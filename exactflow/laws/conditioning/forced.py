"""Ill-conditioning that is forced: bounds for every smooth bijection whose image is near a target.

Main results
------------
Let f be a C^1 diffeomorphism of R^d, of whatever architecture, J its Jacobian, Q = f#N(0, I), and P
a law with W2(Q, P) <= eps. Write s_1^2, .. , s_d^2 for the eigenvalues of Cov P.

**16a, Lipschitz constant.** Let |J| <= L everywhere, u_1, .. , u_d be orthonormal, and D_i(L) the
distance, in L^2(N(0, 1)), of the increasing map of N(0, 1) to the law of <u_i, x> from the
increasing maps with slopes at most L (`exactflow.laws.conditioning.ramps`). Then

    sum_i D_i(L)^2 <= eps^2    and    sum_i (s_i - L)_+^2 <= eps^2.

So L is at least `lipschitz`. The first is attained where P is the product of its laws along the
u_i, and so on the line always: by T_1 x .. x T_d, the limit of diffeomorphisms. The second is
attained where P is Gaussian, by a linear map. Two points at distance D: L >= D^3 / (12 sqrt(2 pi)
eps^2), about, as eps -> 0, which a ramp attains, and two couplings in the limit.

**16b, volume.** Cut P into clusters of weights w_i, with covariances of eigenvalues s_ij^2. Then

    E log|det J| <= H(w) + max { sum w_i log a_ij : sum w_i (a_ij - s_ij)^2 <= eps^2 },

H(w) = -sum w_i log w_i: this is `mean_log_det`. One cluster: a linear map attains it where P is
Gaussian. N atoms: H(w) + d log(eps / sqrt(d)). So |J| has a singular value of at most `sigma_min` =
exp(mean_log_det / d) somewhere, and the root mean square of all singular values, of all z, is at
least `ratio` times their geometric mean, (sqrt(tr Cov P) - eps) / (sqrt(d) sigma_min).

**16c, depth.** K couplings with condition numbers of at most k make a map of Lipschitz constant at
most k^K, and k^(K/2) if they are additive, whatever their conditioners and however many pads: so
`Forced.layers` of them are needed.

*Proof of 16a.* <u, f> is L-Lipschitz; F its distribution function. An h-neighbourhood of {<u, f> <=
t} is in {<u, f> <= t + L h}, so by Gaussian isoperimetry (Sudakov and Tsirelson 1974, Borell 1975)
F(t + L h) >= Phi(Phi^-1(F(t)) + h): the increasing map T = F^-1(Phi(.)) to the law of <u, f> has
slopes at most L. On the line W2 is |T - S| for the increasing maps T and S, and a coupling of Q and
P couples their projections, whose costs add up over an orthonormal frame. For the second, Var <u,
f> <= E|J^T u|^2 <= L^2 by Poincare's inequality, so that the eigenvalues a_i^2 of Cov Q have a_i <=
L; and W2(Q, P)^2 >= sum (a_i - s_i)^2, both in descending order: Gelbrich 1990, and von Neumann's
trace inequality.
*Proof of 16b.* E log|det J| is the differential entropy h(Q) less that of N(0, I). Take an optimal
coupling (x, y) of Q and P, and I the cluster of y. Then h(x) <= H(w) + sum w_i h(x | I = i), each
at most the entropy of a Gaussian with the covariance of x in cluster i; let its eigenvalues be
a_ij^2. And eps^2 >= sum w_i E[|x - y|^2 | I = i] >= sum w_i (a_ij - s_ij)^2, by Gelbrich once more.
With |det J| >= sigma_min^d the next bound follows; E|J|_F^2 >= tr Cov Q by Poincare, and sqrt(tr
Cov Q) >= sqrt(tr Cov P) - eps, since |a| >= |s| - |a - s|: that is the last.
*Proof of 16c.* A coupling keeps a coordinate e, J^T e = e, so its smallest singular value is at
most 1, and the largest at most k. Those of a shear are in pairs s, 1/s, so that the largest is at
most sqrt(k). With pads take u among the data's coordinates. QED

Sources and neighbours: the slope of the increasing map at eps = 0 is in Jaini, Kobyzev, Yu and
Brubaker, *Tails of Lipschitz triangular flows*, ICML 2020 (arXiv:1907.04481); that on the line the
best Lipschitz map is a projection of the increasing one in Tanguy, Desolneux and Delon,
*Constrained approximate optimal transport maps* (arXiv:2407.13445); lower bounds of total variation
and KL by the Lipschitz constant in Salmona, De Bortoli, Delon and Desolneux, NeurIPS 2022
(arXiv:2206.14476), by Gaussian isoperimetry, and for bi-Lipschitz flows in Verine, Negrevergne,
Chevaleyre and Rossi, ACML 2022 (arXiv:2107.07232); of what generators leave outside of disconnected
sets in Tanielian, Issenhuth, Dohmatob and Mary, ICML 2020; necessary growth of Lipschitz constants
for mixtures in Hagemann and Neumayer, Inverse Problems 2021 (arXiv:2009.02994), exploding inverses
in Behrmann et al., AISTATS 2021 (arXiv:2006.09347), the topology in Cornish et al., ICML 2020
(arXiv:1909.13833); entropy against W2 in Polyanskiy and Wu, IEEE Transactions on Information Theory
2016 (arXiv:1504.04419). To our knowledge new: the least Lipschitz constant *at a tolerance eps in
W2*, on both sides on the line and for products, the bound of E log|det J| by clusters, and that
both are certified for a given target.

How it is checked
-----------------
*Certified*: every number is enclosed in ball arithmetic and rounded to the safe side. Which frame,
which clusters and which Lagrange multiplier is found in floats. *Exact*, in the script
forced_conditioning: the maps that attain the bounds.
"""

from flint import arb, ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, upper
from exactflow.exact.numbers import format_short, to_element
from exactflow.exact.typing import NumberLike
from exactflow.laws.conditioning.bounds import Forced
from exactflow.laws.conditioning.condition import eigenvalues
from exactflow.laws.conditioning.pieces import as_law, pieces_of
from exactflow.laws.conditioning.slopes import least_lipschitz
from exactflow.laws.conditioning.tuning import TUNING
from exactflow.laws.conditioning.volume import volume


def forced(target: object, eps: NumberLike) -> Forced:
    """Bounds on the conditioning of every smooth bijection that sends N(0, I) near a target.

    Theorem and proof are in the module's docstring.

    Parameters
    ----------
    target : a measure, as `exactflow.approximate` takes them; an (N, d) array of points, which
        stands for its empirical measure (`Atoms` takes weights, too); or ``Gaussian(Sigma)``.
    eps : the distance W2 that counts as near, a positive rational.

    Raises
    ------
    InvalidInputError
        eps <= 0, an array that may be points or a covariance, or numbers that are not finite.

    Examples
    --------
    >>> from exactflow.laws.conditioning import Gaussian
    >>> from exactflow.laws.universal import Atoms
    >>> bounds = forced(Atoms([[-1, -1], [1, 1]]), "1/100")
    >>> round(bounds.lipschitz, 3), bounds.clusters
    (7522.528, 2)
    >>> print(forced(Gaussian([["49/900", 0], [0, 0]]), "1/2"))
    every smooth bijection within W2 <= 0.5 of <Gaussian in dimension 2>: Lipschitz constant at \
least 0; E log|det J| at most -1.544; smallest singular value somewhere at most 0.4619; \
singular values rms over geometric mean at least 1
    """
    law, eps = as_law(target), to_element(eps)
    if eps <= 0:
        raise InvalidInputError(f"expected eps > 0, got {format_short(eps)}")
    with ctx.workprec(TUNING.precision):
        pieces = pieces_of(law, eps)
        d = pieces.dimension
        spectrum = [value.max(arb(0)).sqrt() for value in eigenvalues(pieces.covariance()[1])]
        deviation = sum((s * s for s in spectrum), arb(0)).sqrt()
        slope, attained, frame = least_lipschitz(law, pieces, eps, spectrum)
        near = ball(eps + to_element(upper(pieces.error)))
        bound, clusters, multiplier = volume(pieces, near)
        mean = upper(bound)
        sigma = upper((ball(to_element(mean)) / d).exp())
        size = (deviation - near) / arb(d).sqrt()
        return Forced(
            eps=QQ.to_sympy(eps),
            lipschitz=QQ.to_sympy(slope),
            mean_log_det=mean,
            sigma_min=sigma,
            ratio=-upper(-(size / ball(to_element(sigma))).max(arb(1))),
            pieces=pieces,
            frame=frame,
            groups=clusters,
            multiplier=multiplier,
            target=law,
            attained=None if attained is None else QQ.to_sympy(attained),
        )
