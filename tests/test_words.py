"""The words of the package: one per thing, in sentences that can be read once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
import re

import pytest

import optuna_lanas


PACKAGE = Path(optuna_lanas.__file__).parent
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
MAX_WORDS = 35
FORBIDDEN = (
    *("arch_code", "bag", "kid", "x_bar", "cp", "uct", "classifier", "reward"),
    *("own part", "elsewhere", "effort", "given up", "moment"),
)
GAP = r"[\s#\"]+"  # between two words, also on two lines of a comment or of a string
PATTERN = re.compile(
    r"(?<![a-z])(" + "|".join(word.replace(" ", GAP) for word in FORBIDDEN) + r")s?(?![a-z])",
    re.IGNORECASE,
)
NO_PROSE = re.compile(  # examples of code, and lists of symbols
    r"^( *)(Examples?:|\.\. [\w-]+::.*|Notation)\n((\1 +.*)?\n)*", re.MULTILINE
)
ITEM = re.compile(r"\n\s*(?=\*{0,2}\w+: |- |\d+\. )")  # an argument, or the item of a list
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*\n")


def docstrings(path: Path) -> Iterator[str]:
    """Those of a file, its classes and its functions, and of what is assigned."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            text = node.value.value
            if isinstance(text, str):
                yield text


def sentences(docstring: str) -> Iterator[str]:
    """Those of its prose."""
    for item in ITEM.split(NO_PROSE.sub("\n", docstring.expandtabs() + "\n")):
        yield from (" ".join(sentence.split()) for sentence in SENTENCE.split(item))


def n_words(sentence: str) -> int:
    return sum(any(c.isalnum() for c in word) for word in sentence.split())


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_sentence_of_a_docstring_is_long(path: Path) -> None:
    found = [s for text in docstrings(path) for s in sentences(text) if n_words(s) > MAX_WORDS]
    assert not found, found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_forbidden_word_occurs(path: Path) -> None:
    text = (PACKAGE / path).read_text(encoding="utf-8")
    found = [
        f"{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for match in PATTERN.finditer(text)
    ]
    assert not found, found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_is_called_rows(path: Path) -> None:
    """Arrays have rows; a module, a class or a function has a name that says of what."""
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    named = [n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef)]
    assert not {"rows"} & {name.lower().strip("_") for name in [*named, path.stem]}


def test_sentences_are_told_apart() -> None:
    text = """Return it. A long one,
    on two lines.

    Args:
        x: First.
        y_z: Second (e.g. 3.5).

    Example:
        .. testcode::

            print("no prose")

            a = 1

    Last
    """
    assert list(filter(None, sentences(text))) == [
        *("Return it.", "A long one, on two lines.", "Args:", "x: First."),
        *("y_z: Second (e.g.", "3.5).", "Last"),
    ]


@pytest.mark.parametrize("text", ["n_kids", "Reward", "own\n# part", "arch_codes", "Cp"])
def test_forbidden_words_are_found(text: str) -> None:
    assert PATTERN.search(f"a {text}, b")


@pytest.mark.parametrize("text", ["DecisionTreeClassifier", "baggage", "momentum", "product"])
def test_other_words_are_not_found(text: str) -> None:
    assert not PATTERN.search(f"a {text}, b")
