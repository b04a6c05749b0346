# %% [markdown]
# # Identities: the constructions hold for blocks of every size
#
# **Theorem 1c.** The identities below hold for blocks of every size, over every field that has the
# numbers in them.
#
# **Why.** A test at one $n$ says nothing about the next. The papers' constructions are products of
# block matrices (Koehler, Mehta, Risteski, ICML 2021; Urschel 2024). If such a product equals a
# given matrix by algebra alone, this can be decided once, for all $n$.
#
# ## How an identity is proved
#
# Blocks are symbols that do not commute. Invertible ones have an inverse, $P P^{-1} = P^{-1} P =
# 1$, and an identity may name relations such as $s^\mathsf{T} e = 0$ or $P Y = 1$. Both sides are
# expanded entry by entry into sums of words with rational coefficients, cancelled by these
# relations, and compared word by word. If the sums are equal, so are the sides in every ring that
# has such elements and these coefficients: in matrices of every size, since substitution is a
# homomorphism from the free ring with these relations. So this is a proof *for all n*. It names
# its hypotheses: the relations, and the symbols that have to be invertible. A name is defined once,
# before its use. A text of definitions alone is refused, as it claims nothing.
#
# The converse is not claimed: two different sums of words may be equal for matrices of some size.
# An identity does not say that its symbols exist (a commutator, a transvection, an involution). The
# constructions build them, and every result of `factor` checks them, exactly.

# %%
from exactflow.claims import Claims, Evidence
from exactflow.errors import InvalidInputError
from exactflow.explanation.symbolic_identities import IDENTITIES, FalseIdentityError, Identity

claims = Claims("identities")

# %%
for identity in IDENTITIES.values():
    with claims.check(identity.statement, Evidence.FOR_ALL_N) as check:
        proof = identity.prove()
        check.true(proof.words > 0, str(proof))

# %% [markdown]
# ## A false identity is refuted
# Shears of different halves do not commute. The error shows the surviving words of the difference.

# %%
commute = Identity("commute", "shears commute", "", "U(X) L(Y) = L(Y) U(X)")
with claims.check("a false identity is refuted", Evidence.FOR_ALL_N) as check:
    try:
        commute.prove()
        surviving = ""
    except FalseIdentityError as error:
        surviving = str(error)
    check.true("X Y" in surviving, surviving)

# %% [markdown]
# A text that defines a name by itself, or twice, is refused.

# %%
with claims.check("a circular text is refused", Evidence.FOR_ALL_N) as check:
    for text in ("A = A + 1", "D = 1 + Y Z, D = 1 + Z Y", "A = B, B = A + 1, A B = B A", "A = B"):
        try:
            refused = f"proved: {Identity('circular', text, '', text).prove()}"
        except InvalidInputError as error:
            refused = str(error)
        check.true(refused.startswith("expected"), refused)
