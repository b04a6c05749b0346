"""Ill-conditioning that is forced: bounds for every smooth bijection whose image is near a target.

Main results
------------
Let f be a C^1 diffeomorphism of R^d, of whatever architecture, J its Jacobian, Q = f#N(0, I), and P
a law with W2(Q, P) <= eps. Write s_1^2, .. , s_d^2 for the eigenvalues of Cov P.

**16a, Lipschitz constant.** Let |J| <= L everywhere, u_1, .. , u_d be orthonormal, and D_i(L) the
distance, in L^2(N(0, 1)), of the increasing map of N(0, 1) to the law of <u_i, x> from the
increasing maps with slopes at most L (`exactflow.laws.conditioning.lipschitz_regression`). Then

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

*Which cut is used where.* A law that is not atomic is replaced twice, each time by one that is near
it in W2, and by what it is off eps is raised:

- in `lipschitz` (and `gap`), if a frame gave it: by atoms on each axis, at distances e_i from the
  laws along the axes. The maps with slopes at most L are a set in L^2(N(0, 1)), and a distance from
  a set moves by no more than the point does: |D_i(L) - D_i'(L)| <= e_i, D_i' being for the atoms.
  So by Minkowski's inequality sum_i D_i'(L)^2 > (eps + sqrt(sum_i e_i^2))^2 excludes L
  (`LawOnAxes.error`). The gap is one of these atoms' lines: between its ends the law may have mass,
  and of its atoms that mass is given;
- in `mean_log_det`, `sigma_min`, `ratio`, and where the covariance gave `lipschitz`: by the mixture
  `components`. A map within eps of the law is within eps + e of a mixture at distance e from the
  law (`MixtureComponents.error`). For a mixture of uniform or normal laws e = 0. `groups` cut the
  components into the clusters of 16b, which holds for every such cut.

**16c, depth.** K couplings with condition numbers of at most k make a map of Lipschitz constant at
most k^K, and k^(K/2) if they are additive, whatever their conditioners and however many pads: so
`ConditioningBounds.least_depth` of them are needed.

The proofs, who did what, and what is new to our knowledge are in the script forced_conditioning.

How it is checked
-----------------
*Certified*: every number is enclosed in ball arithmetic and rounded to the safe side. Which frame,
which clusters and which Lagrange multiplier is found in floats. *Exact*, in the script
forced_conditioning: the maps that attain the bounds.
"""

from flint import arb, ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, lower, upper
from exactflow.exact.numbers import format_short, to_element
from exactflow.exact.typing import NumberLike
from exactflow.laws.conditioning.condition import deviations
from exactflow.laws.conditioning.lipschitz_bound import bound_lipschitz
from exactflow.laws.conditioning.log_det_bound import bound_mean_log_det
from exactflow.laws.conditioning.mixture_components import as_components, as_law
from exactflow.laws.conditioning.result import ConditioningBounds
from exactflow.laws.conditioning.tuning import TUNING


def lower_bounds(target: object, eps: NumberLike) -> ConditioningBounds:
    """Bounds on the conditioning of every smooth bijection that sends N(0, I) near a target.

    The theorem is in the module's docstring.

    Parameters
    ----------
    target : a measure, as `exactflow.approximate` takes them; an (N, d) array, tensor or list of
        points, which stands for its empirical measure (`Atoms` takes weights, too); or
        ``Gaussian(Sigma)``.
    eps : the distance W2 that counts as near, a positive rational.

    Raises
    ------
    InvalidInputError
        eps <= 0, an array that may be points or a covariance, or numbers that are not finite.

    Examples
    --------
    >>> from exactflow.laws.conditioning import Gaussian
    >>> from exactflow.laws.universal import Atoms
    >>> bounds = lower_bounds(Atoms([[-1, -1], [1, 1]]), "1/100")
    >>> round(bounds.lipschitz, 3), bounds.clusters
    (7522.528, 2)
    >>> print(lower_bounds(Gaussian([["49/900", 0], [0, 0]]), "1/2"))
    every smooth bijection within W2 <= 0.5 of <Gaussian in dimension 2>: Lipschitz constant at \
least 0; E log|det J| at most -1.544; smallest singular value somewhere at most 0.4619; \
singular values rms over geometric mean at least 1
    """
    law, eps = as_law(target), to_element(eps)
    if eps <= 0:
        raise InvalidInputError(f"expected eps > 0, got {format_short(eps)}")
    with ctx.workprec(TUNING.precision):
        components = as_components(law, eps)
        d = components.dimension
        slope, attained, frame = bound_lipschitz(law, components, eps)
        near = ball(eps + upper(components.error))
        bound, clusters, multiplier = bound_mean_log_det(components, near)
        mean = upper(bound)
        sigma = upper((ball(mean) / d).exp())
        squares = (s * s for s in deviations(components.covariance()[1]))
        size = (sum(squares, arb(0)).sqrt() - near) / arb(d).sqrt()
        return ConditioningBounds(
            eps=QQ.to_sympy(eps),
            lipschitz=QQ.to_sympy(slope),
            mean_log_det=QQ.to_sympy(mean),
            sigma_min=QQ.to_sympy(sigma),
            ratio=QQ.to_sympy(lower((size / ball(sigma)).max(arb(1)))),
            components=components,
            frame=frame,
            groups=clusters,
            multiplier=multiplier,
            target=law,
            attained=None if attained is None else QQ.to_sympy(attained),
        )
