"""Compares samplers on tabular architecture searches, hyperparameter tables and functions.

    python -m examples.benchmarks.run --samplers tpe random --families nasbench201 --seeds 10
    python -m examples.benchmarks.report

`problem.py` says what a problem is, `catalogue.py` names them all, `samplers.py` the samplers.
"""
