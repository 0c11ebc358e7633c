"""Pipelines that use Optuna, before and after LaNAS: one line differs."""
