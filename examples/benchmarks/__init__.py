"""Comparison of samplers on tabular architecture searches, hyperparameter tables and functions.

    python -m examples.benchmarks.run --samplers tpe random --families nasbench201 --seeds 10
    python -m examples.benchmarks.report

`problem.py` defines a problem, `catalogue.py` lists all problems, `samplers.py` all samplers.
"""
