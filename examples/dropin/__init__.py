"""Code that already uses Optuna, before and after LaNAS: one line differs."""
