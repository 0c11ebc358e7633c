"""Sphinx: `sphinx-build -W -b html docs docs/_build`."""

from __future__ import annotations

from importlib.util import find_spec

import optuna_lanas


project = "optuna_lanas"
author = "The optuna_lanas authors"
copyright = author
version = release = optuna_lanas.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"optuna_lanas {release}"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
# The pages are the same whether the extra `torch` is installed or not.
autodoc_mock_imports = [name for name in ("torch", "torchvision") if find_spec(name) is None]
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# What the examples of docstrings print is for the reader and is not compared.
doctest_global_setup = """
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def print(*values):
    pass
"""
