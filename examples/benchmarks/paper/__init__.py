"""The paper's claim on NAS-Bench-101: the samples that a method needs until the best cell.

python -m examples.benchmarks.paper --help
"""
