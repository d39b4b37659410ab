"""How fast it is, on the machine at hand: `python -m benchmarks [f4 f5 …]`, one module for each figure.

Both sides of every ratio are measured in one run, in turn, so that the machine's moods meet both. The results go to
`var/benchmarks/`, and from there into `docs/benchmarks.md`.
"""
