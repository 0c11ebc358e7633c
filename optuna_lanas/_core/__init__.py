"""The search on arrays. It never imports Optuna."""
