"""Every link of a page leads to a file and an anchor; the reference names everything public."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
import re
from urllib.parse import unquote

import pytest

import optuna_lanas


PACKAGE = Path(optuna_lanas.__file__).parent
ROOT = PACKAGE.parent
REFERENCE = ROOT / "docs" / "reference"
FOLDERS = ("docs", "examples")
PAGES = sorted(
    path.relative_to(ROOT)
    for path in [
        *ROOT.glob("*.md"),
        *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md")),
    ]
    if "_build" not in path.parts
)
CODE = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.*?) *$", re.MULTILINE)
TARGET = re.compile(r"^\((.+)\)=$|(?:id|name)=\"([^\"]+)\"", re.MULTILINE)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)|\b(?:href|src)=\"([^\"]+)\"")


def links(text: str) -> Iterator[str]:
    """The targets in this repository of a page's links and pictures, those in code left out."""
    for found in LINK.findall(CODE.sub("", text)):
        target = found[0] or found[1]
        if not re.match(r"[a-z][a-z+.-]*:", target):
            yield target


def anchors(text: str) -> set[str]:
    """What `#` can name on a page, as GitHub and Sphinx make it of headings."""
    prose = re.sub(r"^ *(```+|~~~+).*?^ *\1 *$", "", text, flags=re.MULTILINE | re.DOTALL)
    found: set[str] = {first or second for first, second in TARGET.findall(prose)}
    for heading in HEADING.findall(prose):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        n = sum(each == slug or bool(re.fullmatch(rf"{slug}-\d+", each)) for each in found)
        found.add(f"{slug}-{n}" if n else slug)
    return found


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in links(text):
        name, _, anchor = unquote(target).partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), target


def test_links_and_anchors_are_found() -> None:
    text = """# The `first` [one](x.md)\n## A, b & c\n## A, b & c\n(here)=\n<a id="there">
![p](p.png) [a](<b.md#c>) [w](https://x.org) `[no](code.md)` <img src="i.png"> [t](t.md "title")
```
# no heading
[no](block.md)
```
"""
    assert anchors(text) == {"the-first-one", "a-b--c", "a-b--c-1", "here", "there"}
    assert list(links(text)) == ["x.md", "p.png", "b.md#c", "i.png", "t.md"]


@pytest.mark.parametrize("page", sorted(path.name for path in REFERENCE.glob("*.md")))
def test_the_index_lists_every_page(page: str) -> None:
    text = (REFERENCE / "index.md").read_text(encoding="utf-8")
    assert page == "index.md" or (f"]({page})" in text and f"\n{page[:-3]}\n" in text)


@pytest.mark.parametrize("folder", ["spaces", "tables", "training", "visualization"])
def test_the_reference_names_everything_public(folder: str) -> None:
    try:
        names = import_module(f"optuna_lanas.{folder}").__all__
    except ImportError:
        pytest.skip(f"optuna_lanas.{folder} needs a package")
    text = (REFERENCE / f"{folder}.md").read_text(encoding="utf-8")
    described = re.findall(rf":: optuna_lanas\.{folder}\.(\w+)$", text, re.MULTILINE)
    assert sorted(described) == sorted(names)
    assert [name for name in names if f"\n   {name}\n" not in text] == []  # the summary


@pytest.mark.parametrize("module", ["optuna_lanas", "optuna_lanas.tables"])
def test_the_reference_names_every_command_and_option(module: str) -> None:
    text = (REFERENCE / "command_line.md").read_text(encoding="utf-8")
    for name in options(import_module(f"{module}.__main__")._parser()):
        assert re.search(rf"`[^`\n]*(?<![\w-]){name}(?![\w-])", text), name


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The commands and options of a parser and of those of its commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield name
                yield from options(command)
        elif action.option_strings:
            yield from set(action.option_strings) - {"-h", "--help"}
        else:
            yield action.metavar if isinstance(action.metavar, str) else action.dest
