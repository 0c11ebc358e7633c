"""Where Optuna and the core meet."""
