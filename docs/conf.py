"""Sphinx: `sphinx-build -W -b html docs docs/_build`."""

from __future__ import annotations

from importlib.util import find_spec
import os
from typing import Any

from latex2mathml.converter import convert

import optuna_lanas


project = "optuna_lanas"
author = "The optuna_lanas authors"
copyright = author
version = release = optuna_lanas.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"optuna_lanas {release}"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# The tutorials are notebooks in text form: each build runs them, and an error in a cell fails it.
nb_execution_mode = "auto"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_output_stderr = "remove"

# A word in backquotes of a docstring is a link where the reference has such a name. The package's
# own public types must be in the reference: the build warns of one that is not.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!optuna_lanas\.(?!_)).*")]
nitpick_ignore = [("py:class", "optuna_lanas.spaces.protocol.Architecture")]  # a type variable
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# The pages are the same whether the extra `torch` is installed or not.
autodoc_mock_imports = [name for name in ("torch", "torchvision") if find_spec(name) is None]
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Types of other packages are links where a build may use the network (`DOCS_INTERSPHINX=1`), or
# has a folder with the inventories python.inv, numpy.inv, optuna.inv and sklearn.inv
# (`DOCS_INTERSPHINX=FOLDER`). Without the variable a build needs no network.
inventories = os.environ.get("DOCS_INTERSPHINX", "")
if inventories:
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        name: (url, None if inventories == "1" else os.path.abspath(f"{inventories}/{name}.inv"))
        for name, url in {
            "python": "https://docs.python.org/3",
            "numpy": "https://numpy.org/doc/stable",
            "optuna": "https://optuna.readthedocs.io/en/stable",
            "sklearn": "https://scikit-learn.org/stable",
        }.items()
    }

# What the examples of docstrings print is for the reader and is not compared.
doctest_global_setup = """
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def print(*values):
    pass
"""


def setup(app: Any) -> None:
    """Equations as MathML, which browsers draw without a network; types by their public names."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("missing-reference", _public, priority=400)  # before intersphinx


def _public(app: Any, env: Any, node: Any, text: Any) -> Any:
    """Return the link to a type that an annotation names by the file where it is defined."""
    package, _, rest = node.get("reftarget", "").partition(".")
    folder, _, rest = rest.partition(".")
    name = rest.rpartition(".")[2]
    if package == "optuna" and name:  # optuna.study.study.Study is optuna.study.Study
        node["reftarget"] = f"optuna.{folder}.{name}"
    if package != "optuna_lanas" or not folder:
        return None
    public = f"optuna_lanas.{name}" if folder == "sampler" else f"optuna_lanas.{folder}.{name}"
    python, page = env.get_domain("py"), node.get("refdoc")
    return python.resolve_xref(env, page, app.builder, "obj", public, node, text)


html_math_renderer = "mathml"


def _inline(translator: Any, node: Any) -> None:
    translator.body.append(convert(node.astext()))
    raise _skip()


def _block(translator: Any, node: Any) -> None:
    equation = convert(node.astext(), display="block")
    translator.body.append(f'<div style="margin: 1em 0">{equation}</div>')
    raise _skip()


def _skip() -> Exception:
    from docutils.nodes import SkipNode

    return SkipNode()
