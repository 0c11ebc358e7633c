"""Search methods that Optuna does not have: each proposes parameters from the samples so far."""
