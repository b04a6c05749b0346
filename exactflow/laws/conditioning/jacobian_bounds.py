"""Ill-conditioning that no architecture avoids: bounds for every smooth bijection near a target.

Main results
------------
Let f be a C^1 diffeomorphism of R^d, of any architecture, J its Jacobian, Q = f#N(0, I), and P a
law with W2(Q, P) <= eps. Write s_1^2, .. , s_d^2 for the eigenvalues of Cov P.

**16a, Lipschitz constant.** Let |J| <= L everywhere, and let u_1, .. , u_d be orthonormal. Let
D_i(L) be the distance in L^2(N(0, 1)) between the increasing map of N(0, 1) to the law of <u_i, x>
and the increasing maps with slopes at most L (`exactflow.laws.conditioning.lipschitz_regression`).
Then

    sum_i D_i(L)^2 <= eps^2    and    sum_i (s_i - L)_+^2 <= eps^2.

So L is at least `lipschitz`. The first bound is attained if P is the product of its laws along the
u_i, so always on the line: by T_1 x .. x T_d, a limit of diffeomorphisms. The second is attained if
P is Gaussian, by a linear map. For two points at distance D, L is at least about D^3 / (12 sqrt(2
pi) eps^2) as eps -> 0. A ramp attains that, and so do two couplings in the limit.

**16b, volume.** Cut P into clusters of weights w_i, with covariances of eigenvalues s_ij^2. Then

    E log|det J| <= H(w) + max { sum w_i log a_ij : sum w_i (a_ij - s_ij)^2 <= eps^2 },

where H(w) = -sum w_i log w_i: this is `mean_log_det`. For one cluster a linear map attains it if P
is Gaussian. For N atoms it is H(w) + d log(eps / sqrt(d)). So |J| has a singular value of at most
`sigma_min` = exp(mean_log_det / d) somewhere. The root mean square of all singular values, over all
z, is at least `ratio` = (sqrt(tr Cov P) - eps) / (sqrt(d) sigma_min) times their geometric mean.

*Approximations of P.* A law that is not atomic is replaced twice by a law that is near it in W2,
and eps is increased by the distance:

- for `lipschitz` and `costliest_gap`, if they come from projections, by atoms on each axis, at
  distances e_i from the projections. The maps with slopes at most L are a set in L^2(N(0, 1)), and
  the distance from a set is 1-Lipschitz: |D_i(L) - D_i'(L)| <= e_i, where D_i' belongs to the
  atoms. So by Minkowski's inequality sum_i D_i'(L)^2 > (eps + sqrt(sum_i e_i^2))^2 excludes L
  (`ProjectedLaw.error`). The ends of the gap are atoms. The law may have mass between them:
  `GapBetweenAtoms.mass` is the mass of the atoms there;
- for `mean_log_det`, `sigma_min`, `ratio`, and for `lipschitz` if it comes from the covariance, by
  the mixture `components`. A map within eps of the law is within eps + e of a mixture at distance e
  from the law (`MixtureComponents.error`). For a mixture of uniform or normal laws e = 0. `groups`
  cut the components into the clusters of 16b, which holds for every such cut.

**16c, depth.** The Lipschitz constant of K couplings with condition numbers of at most k is at most
k^K, and k^(K/2) if they are additive, for any conditioners and any number of pads. So at least
`ConditioningBounds.lower_bound_depth` couplings are needed.

The proofs, the sources, and what is new to our knowledge are in the script forced_conditioning.

How it is checked
-----------------
*Certified*: every number is enclosed in ball arithmetic and rounded to the safe side. The frame,
the clusters and the Lagrange multiplier are chosen in floats. *Exact*, in the script
forced_conditioning: the maps that attain the bounds.
"""

import copyreg

from flint import arb, ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, lower, upper
from exactflow.exact.numbers import format_short, to_element
from exactflow.exact.typing import NumberLike
from exactflow.laws.conditioning.lipschitz_bound import bracket_least_lipschitz
from exactflow.laws.conditioning.log_det_bound import upper_bound_mean_log_det_of_maps_near
from exactflow.laws.conditioning.mixture_components import (
    as_exact_or_quantized_components,
    as_law_up_to_translation,
)
from exactflow.laws.conditioning.result import ConditioningBounds
from exactflow.laws.conditioning.tuning import TUNING


def bound_conditioning(target: object, eps: NumberLike) -> ConditioningBounds:
    """Bound the conditioning of every smooth bijection whose image of N(0, I) is near a law.

    The theorem is in the docstring of `exactflow.laws.conditioning.jacobian_bounds`.

    Parameters
    ----------
    target : a measure that `exactflow.approximate` takes; or ``Gaussian(Sigma)``; or an (N, d)
        array, tensor or list of points, for their empirical measure (for weights, pass `Atoms`).
    eps : the largest distance W2 of the image from the target, a positive rational.

    Raises
    ------
    InvalidInputError
        eps <= 0; or the target is an array that could be points or a covariance, or has numbers
        that are not finite.

    Examples
    --------
    >>> from exactflow.laws.conditioning import Gaussian
    >>> from exactflow.laws.universal import Atoms
    >>> bounds = bound_conditioning(Atoms([[-1, -1], [1, 1]]), "1/100")
    >>> round(bounds.lipschitz, 3), bounds.clusters
    (7522.528, 2)
    >>> print(bound_conditioning(Gaussian([["49/900", 0], [0, 0]]), "1/2"))
    every smooth bijection within W2 <= 0.5 of <Gaussian in dimension 2>: Lipschitz constant at \
least 0; E log|det J| at most -1.544; smallest singular value somewhere at most 0.4619; \
singular values rms over geometric mean at least 1
    """
    law, eps = as_law_up_to_translation(target), to_element(eps)
    if eps <= 0:
        raise InvalidInputError(
            f"expected eps > 0, got {format_short(eps)}: eps is the largest distance of the image "
            "from the target"
        )
    with ctx.workprec(TUNING.precision):
        components = as_exact_or_quantized_components(law, eps)
        d = components.dimension
        slope, attained, projection = bracket_least_lipschitz(law, components, eps)
        tolerance = ball(eps + upper(components.error))
        volume, groups, multiplier = upper_bound_mean_log_det_of_maps_near(components, tolerance)
        mean = upper(volume)
        sigma = upper((ball(mean) / d).exp())
        size = (components.enclose_deviation() - tolerance) / arb(d).sqrt()
        return ConditioningBounds(
            eps=QQ.to_sympy(eps),
            lipschitz=QQ.to_sympy(slope),
            mean_log_det=QQ.to_sympy(mean),
            sigma_min=QQ.to_sympy(sigma),
            ratio=QQ.to_sympy(lower((size / ball(sigma)).max(arb(1)))),
            components=components,
            projection=projection,
            groups=groups,
            multiplier=multiplier,
            target=law,
            attained=None if attained is None else QQ.to_sympy(attained),
        )


# FLINT cannot pickle balls: the target and eps are pickled, and the rest is computed anew.
copyreg.pickle(ConditioningBounds, lambda bounds: (bound_conditioning, (bounds.target, bounds.eps)))
