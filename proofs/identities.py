# %% [markdown]
# # The identities behind the constructions, for all n
#
# With block matrices as noncommuting symbols, both sides of each identity are expanded in the free
# group ring (modulo the relations named, as s^T e = 0) and compared word by word: *for all n*, a
# proof and no test at one n. The hypotheses under which the symbols exist (a commutator, a
# transvection) are what the constructions build, and every result of `factor` checks, exactly.

# %%
from exactflow.claims import Claims, Evidence
from exactflow.identities import IDENTITIES, Identity, RefutedError

claims = Claims("Identities of blocks (ICML 2021; Urschel 2024)")

# %%
for identity in IDENTITIES.values():
    with claims.check(identity.statement, Evidence.FOR_ALL_N) as check:
        proof = identity.prove()
        check.true(proof.words > 0, str(proof))

# %% [markdown]
# ## What is false is refuted
# Shears of different halves do not commute: the words that survive are shown.

# %%
commute = Identity("commute", "shears commute", "", "U(X) L(Y) = L(Y) U(X)")
with claims.check("a false identity is refuted", Evidence.FOR_ALL_N) as check:
    try:
        commute.prove()
        surviving = ""
    except RefutedError as error:
        surviving = str(error)
    check.true("X*Y" in surviving or "X Y" in surviving, surviving)
