"""The chaos harness: the whole product as real processes, seeded faults, and the carrier's own ledger as judge.

Outside the quick suite: `make chaos CALLS=2000 SEED=1`. docs/reliability.md says what is checked and what was found.
"""
