"""The paper's claim on NAS-Bench-101: the samples that a method needs to find the best cell.

python -m examples.benchmarks.paper --help
"""
