"""One script per theorem; ``python -m proofs`` runs them all and prints one table."""
