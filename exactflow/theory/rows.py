"""The rows of the table of theorems: the single source of README's tables and the book's."""

from functools import partial

from exactflow.theory import trials
from exactflow.theory.table import Hypothesis, Theorem

__all__ = ["ROWS"]

_KMR = (
    "Koehler, Mehta, Risteski, Representational aspects of depth and conditioning in normalizing "
    "flows, ICML 2021"
)
_POSITIVE = Hypothesis(
    "det(M) > 0",
    "every coupling with positive scales preserves orientation",
    trials.of_positive_determinant,
)
_ONE = Hypothesis(
    "det(M) = 1", "a shear has determinant 1, and so has a product", trials.of_determinant_one
)
_EVEN = Hypothesis(
    "an even number of coordinates", "the halves are equal here", trials.of_even_size
)
_EVEN_PERMUTATION = Hypothesis(
    "a permutation of determinant 1",
    "a flow of couplings keeps orientation, and an odd permutation does not",
    trials.is_even_permutation,
)
_POSITIVE_PAIR = Hypothesis(
    "a pair (M, partition) with det(M) > 0",
    "every coupling with positive scales preserves orientation, under every partition",
    trials.has_positive_determinant,
)
_ROTATION = Hypothesis(
    "a rotation, up to rounding",
    "the bounds on the layers are those of matrices of norm 1",
    trials.is_rotation,
)
_INVERTIBLE = Hypothesis(
    "an invertible matrix", "a flow is invertible, so no flow represents it", trials.is_invertible
)

ROWS = (
    Theorem(
        "1, 14",
        "six layers",
        "KMR: six couplings represent every matrix of positive determinant",
        "Every matrix of positive determinant, of any dimension d >= 2 and over every ordered "
        "field, is a product of at most six couplings whose halves differ by at most one.",
        r"\det M > 0 \;\Rightarrow\; M = l_6 \cdots l_1",
        f"{_KMR}, for a bounded number; six: Urschel 2024 for halves of one size, to our knowledge "
        "new for halves of n and n + 1",
        "compositions equal the targets: exact; the layers of odd dimensions: for all n",
        "six layers in every dimension, five if an off-diagonal block has full rank",
        "six_layers",
        "exactflow.factor",
        (_POSITIVE,),
        trials.six_layers,
        trials.draw_matrix,
        formal=(
            "six_layers six_layers_alternate five_layers six_shears six_shears_other_order "
            "six_shears_rat five_shears_lower_left five_shears_upper_right "
            "six_layers_in_every_dimension six_layers_every_dimension "
            "six_layers_every_dimension_iff five_shears_full_rank five_shears_spanning "
            "five_layers_do_not_suffice five_layers_do_not_suffice_odd five_shears_do_not_suffice "
            "five_shears_do_not_suffice_odd six_couplings couplings_keep_orientation "
            "six_couplings_one_scale couplings_preserve_orientation couplings_iff_orientation "
            "couplings_iff_orientation_every_dimension"
        ),
    ),
    Theorem(
        "1a",
        "classical route",
        "the classical tools alone: at most 18 couplings",
        "Pivots, eigenvectors of triangular matrices and permutations alone make at most 18 "
        "couplings.",
        r"M = U L\, P L U",
        _KMR,
        "exact",
        "at most 18 layers",
        "classical_route",
        "exactflow.factor, method='classical'",
        (_POSITIVE, _EVEN),
        trials.classical,
        partial(trials.draw_matrix, sizes=(2, 4, 4)),
    ),
    Theorem(
        "1b",
        "families",
        "one construction over every field",
        "One flow represents a matrix over QQ(t) for all t but finitely many, which are reported.",
        r"M(t) = l_6(t) \cdots l_1(t)",
        "SymPy's fields; the constructions hold over every field of enough elements",
        "exact",
        "one flow for all t but finitely many",
        "families",
        "exactflow.factor",
    ),
    Theorem(
        "1c",
        "identities",
        "the identities behind the constructions",
        "The identities behind the constructions hold for blocks of every size.",
        r"L(-W_0)\, U(X)\, L(Y)\, U(Z)\, L(W)\, U(V) = M",
        _KMR,
        "for all n",
        "proved by expansion in noncommuting symbols",
        "identities",
        "exactflow.identities",
    ),
    Theorem(
        "2",
        "six is sharp",
        "six is sharp (Urschel 2024)",
        "Some matrices of determinant 1 are no product of five shears, for every n >= 2; what "
        "excludes five is a witness that checks itself.",
        r"\operatorname{diag}(-I, I) \neq l_5 \cdots l_1",
        "Urschel 2024; Flanders 1951",
        "layers and obstructions: exact; SL_4(F_2): exact, exhaustive",
        "six, even with positive scales",
        "six_is_sharp",
        "exactflow.minimal_depth",
        (_EVEN, _ONE),
        trials.minimal,
        partial(trials.draw_matrix, sizes=(2, 4, 4, 6), determinant="one"),
    ),
    Theorem(
        "2a",
        "five is generic",
        "five is generic",
        "A generic matrix of determinant 1 takes exactly five shears: n - 1 equations exclude "
        "four.",
        r"\chi(D) \neq \chi(a) \;\Rightarrow\; M \neq l_4 \cdots l_1",
        "Urschel 2024; Flanders 1951",
        "exact, on instances",
        "n - 1 equations exclude four",
        "five_is_generic",
        "exactflow.minimal_depth",
        (_EVEN, _ONE),
        trials.minimal,
        partial(trials.draw_matrix, sizes=(2, 4, 4, 6), determinant="one"),
    ),
    Theorem(
        "2b",
        "four miss an open set",
        "four layers miss an open set",
        "An open set of matrices needs at least five layers, even with positive scales.",
        r"\lVert M - M_0 \rVert \leq 1/40 \;\Rightarrow\; M \neq l_4 \cdots l_1",
        f"{_KMR}, for the statement",
        "examples for n = 2 and 3: exact; balls: certified",
        "radius 1/40 and 1/120",
        "lower_bound_open_set",
        "exactflow.minimal_depth, scales='positive'",
        formal=(
            "blocks_need_five blocks_need_six minus_one_needs_six opposed_minors_exclude_four "
            "opposed_minors_exclude_five opposed_minors_need_five opposed_blocks_need_six "
            "minus_one_needs_six_couplings minus_one_determinant two_minors_need_six_couplings "
            "two_minors_determinant ones_need_five_couplings ones_are_five_shears"
        ),
    ),
    Theorem(
        "3",
        "depth of general flows",
        "KMR: few neurons a layer need many layers",
        "Flows of few parameters and bounded Lipschitz constants miss a law that a network of "
        "one hidden layer generates.",
        r"\lceil 2 R\, \mathrm{Lip} / (\mathrm{sep} - 2 w) \rceil^p < |\mathcal F|",
        f"after {_KMR}; counting is ours",
        "inequality: exact and certified",
        "parameters grow like k d; 144 additive couplings of four neurons at d = 256, k = 10^6",
        "depth_lower_bound",
        "exactflow.capacity.depth_bound",
    ),
    Theorem(
        "4",
        "what approximation costs",
        "KMR: what universal approximation costs",
        "The flows that approximate lose as many digits as their inverse Jacobians are large.",
        r"\kappa(J) \to \infty \text{ as } \varepsilon \to 0",
        _KMR,
        "singular values: certified; digits: numeric",
        "condition 1 on plateaus with two layers, 1/delta with three; digits grow with log kappa, "
        "float64 fails",
        "ill_conditioning",
        "exactflow.approximate",
    ),
    Theorem(
        "5",
        "zero padding",
        "KMR: padding",
        "With n zeros appended, every invertible n x n matrix, of either orientation, acts in "
        "three shears.",
        r"L(-I)\, U(I - A^{-1})\, L(A) \binom{x}{0} = \binom{A x}{0}",
        f"after {_KMR}",
        "zero padding: for all n; likelihood: exact; training, 200 flows: numeric",
        "three layers; unbounded likelihood",
        "padding",
        "exactflow.padding.zero_padding",
        (_INVERTIBLE,),
        trials.padded,
        partial(trials.draw_matrix, determinant="nonzero"),
        formal=(
            "zero_padding zero_padding_sharp zero_padding_by_three zero_padding_not_by_two "
            "zero_padding_needs_invertible"
        ),
    ),
    Theorem(
        "6",
        "permutations",
        "permutations of every dimension, by integers",
        "Every even permutation, and every signed one of determinant 1, is a product of six "
        "shears of integers of absolute value at most 2.",
        r"\det P = 1 \;\Rightarrow\; P = L(-W_0)\, U(X)\, L(Y)\, U(Z)\, L(W)\, U(V)",
        f"{_KMR}; six: Urschel 2024",
        "exact",
        "six layers, at most 11 n + 1 integers of absolute value at most 2",
        "permutations",
        "exactflow.factor",
        (_EVEN_PERMUTATION,),
        trials.permuted,
        trials.draw_permutation,
        formal=(
            "signed_permutations six_integer_shears integer_orthogonal_iff_signed_permutation "
            "integer_orthogonal_two_involutions integer_involutions_of_equal_trace"
        ),
    ),
    Theorem(
        "7",
        "partitions",
        "halves of any two sizes",
        "For halves of p <= q coordinates, m = ceil(q / p), generic matrices are 2 m + 1 "
        "layers, and all of positive determinant at most 2 m + 4, or 2 m + 2 if p divides q - 1.",
        r"K \leq 2 \lceil q / p \rceil + 4",
        f"after {_KMR}",
        "layers and ranks: exact",
        "p <= q, m = ceil(q / p): 2m + 1 layers generically, 2m + 2 for some, at most 2m + 4; "
        "2m + 2 if p divides q - 1 (to our knowledge new)",
        "partitions",
        "exactflow.factor, partition=(p, q)",
        (_POSITIVE_PAIR,),
        trials.partitioned,
        trials.draw_partitioned,
        formal=(
            "partitions_lower_bound partitions_upper_bound partitions_full_rank "
            "unequal_splits_lower_bound unequal_splits_diagonal unequal_splits_lower_bound_example "
            "smallest_of_depth_six four_on_the_other_halves unequal_splits_upper_bound "
            "unequal_splits_full_rank"
        ),
    ),
    Theorem(
        "8",
        "depth against conditioning",
        "depth against conditioning",
        "Six balanced layers have condition numbers near 4, where exact routes have "
        "astronomical ones.",
        r"\textstyle\sum 2 \operatorname{asinh}(s_i / 2) \geq \ln \kappa(M)",
        _KMR,
        "errors: exact; study: numeric",
        "condition numbers near 4",
        "depth_versus_conditioning",
        "exactflow.balance",
    ),
    Theorem(
        "8a",
        "the linear experiment",
        "KMR: the linear experiment",
        "Least squares finds the layers that exist, once it starts well; a residual proves "
        "existence, never absence.",
        r"\lVert l_K \cdots l_1 - M \rVert_F / \lVert M \rVert_F",
        _KMR,
        "four shears and three scaled layers impossible: exact; four scaled layers: certified; "
        "fits: numeric",
        "least squares finds five shears and four scaled layers, once it starts well; Adam does "
        "not",
        "linear_depth_experiment",
    ),
    Theorem(
        "9",
        "formal proofs",
        "the main theorems, formally proved",
        "The main theorems of the linear half, for all n, are accepted by the kernel of Rocq.",
        r"\forall n",
        "proofs/rocq",
        "formally proved",
        "those of the table *Formally proved*, no axioms",
        "formal",
        "exactflow export --to rocq",
    ),
    Theorem(
        "10, 11",
        "rotations",
        "rotations, and every matrix, in closed form",
        "Every rotation, of every dimension, is six shears of condition at most 18, in closed "
        "form.",
        r"\lVert X_i \rVert_2 \leq 1, 4, 1, 2, 2, 2",
        "Theorem 10 of exactflow.balancing.rotation, after Koehler, Mehta, Risteski, ICML 2021",
        "for all n; norms 1 reached: exact; bounds on instances: certified; tables: numeric",
        "six shears of condition at most 18, never below 2.618 for -I; eleven couplings "
        "conditioned as the matrix",
        "rotations",
        "exactflow.balance",
        (_ROTATION,),
        trials.balanced_rotation,
        trials.draw_rotation,
        formal=(
            "rotations every_rotation_is_six_bounded_shears orthogonal_two_involutions "
            "six_shears_of_bounded_norm six_shears_by_involution six_shears_by_intertwiner"
        ),
    ),
    Theorem(
        "11a",
        "affine depth",
        "four affine layers are typical, where five additive ones are (to our knowledge new)",
        "Four affine layers are typical where five additive ones are; what excludes them is a "
        "witness that checks itself.",
        r"\chi(D G^{-1}) = \chi(F^{-1} a)",
        "to our knowledge new; six is sharp: Urschel 2024",
        "equations: for all n; three, five and six: exact; four: certified, and by Brouwer, quoted",
        "over nine in ten random matrices take four; diag(1, -1, -1, 1, 1, 1) takes six",
        "affine_depth",
        "exactflow.minimal_depth, scales='positive'",
        (_EVEN, _POSITIVE),
        partial(trials.minimal, scales="positive"),
        partial(trials.draw_matrix, sizes=(2, 4, 4)),
        formal=(
            "four_couplings_tie three_couplings_iff scales_move_to_the_end four_couplings_force "
            "four_couplings_force_ranks principal_minors_are_coefficients"
        ),
    ),
    Theorem(
        "12",
        "Gaussians",
        "a Gaussian needs two layers, not six; additive: three, at most 2 ceil(q / p) on "
        "unequal halves (to our knowledge new)",
        "Two affine couplings generate every centred Gaussian.",
        r"F F^{\mathsf T} = \Sigma,\; F = l_2 l_1",
        "to our knowledge new; existence by Brouwer",
        "equations: for all n; existence: Brouwer and Klyachko, quoted; instances: exact and "
        "certified; comparison: numeric",
        "two affine layers",
        "gaussian_depth",
        "exactflow.whiten",
        (),
        trials.whitened,
        trials.draw_covariance,
        formal=(
            "gaussians gaussians_by_one two_couplings_generate one_coupling_generates "
            "two_couplings_exist one_coupling_exists"
        ),
    ),
    Theorem(
        "12a",
        "depth for conditioning",
        "depth in the place of ill-conditioning (to our knowledge new)",
        "With one pad for each coordinate, additive couplings of any condition number above 1 "
        "approximate: depth pays in its place.",
        r"\kappa(l_k) \leq \kappa,\; W_2 \leq \varepsilon",
        "to our knowledge new; Lee et al. 2021, Draxler et al. 2024",
        "step and rotation: for all n; W2 on the line, condition numbers at every point: "
        "certified; digits, and several dimensions: numeric",
        "any condition number above 1: W2 <= 1/20 by 510 additive layers at 3/2, 30 at 150",
        "depth_for_conditioning",
        "exactflow.universal.approximate_well",
    ),
    Theorem(
        "13",
        "lossless couplings",
        "any linear layer as a bijection of integers (to our knowledge new)",
        "A shear whose shift is rounded stays a bijection of the integers, and six of them stay "
        "near any matrix.",
        r"y_2 = x_2 + \lfloor T x_1 + 1/2 \rfloor",
        "to our knowledge new; Hao and Shi 2001, iVPF 2021",
        "bijection: for all n; products: exact; bound: certified; errors and times beside PLUS "
        "and LU: numeric",
        "six rounded shears; rms 0.6 steps for rotations of every size tried",
        "lossless",
        "exactflow.lossless.lossless",
        (_INVERTIBLE,),
        trials.integers_and_back,
        trials.draw_rotation,
        formal="rounded_shears_are_bijections rounded_shear_is_near rounded_flow_is_near",
    ),
    Theorem(
        "15",
        "universal approximation",
        "KMR: universal approximation, by two layers and not by one (to our knowledge new)",
        "Two couplings come within every eps of every law with second moments, in W2; one does "
        "not.",
        r"W_2(f_\# N(0, I), P) \leq \varepsilon",
        f"{_KMR}, by three; two, and not one: to our knowledge new",
        "bounds of W2 and of KL: certified; flows, networks: exact; samples: numeric",
        "two layers, not three; one does not, unless a half is normal; KL to infinity while W2 "
        "vanishes",
        "universal_approximation",
        "exactflow.approximate",
        formal="two_couplings_put_atoms one_coupling_keeps_a_half",
    ),
    Theorem(
        "16",
        "forced conditioning",
        "how much ill-conditioning is forced, whatever the architecture (to our knowledge new)",
        "A smooth bijection whose image of N(0, I) is within eps of a law in W2 has a Lipschitz "
        "constant that is bounded below, and a mean log-volume that is bounded above.",
        r"\sup |J| \geq \Lambda(\varepsilon),\; E \log |\det J| \leq v(\varepsilon)",
        "to our knowledge new; Gaussian isoperimetry, Gelbrich's bound, maximal entropy; Jaini et "
        "al. 2020, Salmona et al. 2022, Polyanskiy and Wu 2016",
        "both bounds: certified; the maps that attain them: exact",
        "two points at distance D: D^3 / (12 sqrt(2 pi) eps^2), attained by two "
        "couplings; Gaussians: the volume of a linear flow",
        "forced_conditioning",
        "exactflow.conditioning.forced",
    ),
    Theorem(
        "17",
        "one mask",
        "one mask does the work of many (to our knowledge new)",
        "N affine couplings, with any conditioners, each under its own mask of half the "
        "coordinates, are at most 2 N + 4 couplings under the mask of the first one.",
        r"f_N \circ \cdots \circ f_1 = P \circ g_{2N-1} \circ \cdots \circ g_1",
        "to our knowledge new; for matrices: Koehler, Mehta, Risteski, ICML 2021",
        "identities: for all n; compositions, counts, lower bounds: exact",
        "N couplings are at most 2N + 4 under the first one's mask",
        "one_mask",
        "exactflow.masks.one_mask",
        (),
        trials.one_mask_for,
        trials.draw_masked_flows,
        formal=(
            "couplings_under_one_mask couplings_under_one_mask_in_all couplings_under_any_mask "
            "three_under_one_mask_do_not"
        ),
    ),
)
