"""What `make bench` runs: one module a subject, each with `run() -> list[Figure]`.

Speed claims are ratios within one run, or limits with room, never assertions in timed tests.
"""
