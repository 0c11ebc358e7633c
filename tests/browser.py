"""Debian's Chromium without a window, for tests of what a reader sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import html
from itertools import combinations
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE = """<!doctype html><meta charset="utf-8"><script>{plotly}</script>
<body style="margin: 0">{figures}<pre id="texts"></pre><script>
const found = [];
for (const div of document.querySelectorAll(".js-plotly-plot")) {{
  const frame = div.getBoundingClientRect();
  const walker = document.createTreeWalker(div, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {{
    const node = walker.currentNode, text = node.parentElement.closest("text");
    if (!text || !node.data.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect(), matrix = text.getScreenCTM();
    let opacity = 1;
    for (let e = text; e && e !== div; e = e.parentElement) {{
      const style = getComputedStyle(e);
      opacity *= style.display === "none" || style.visibility === "hidden" ? 0 : style.opacity;
    }}
    if (box.width < 0.5 || opacity < 0.05) continue;
    const scale = Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c));
    const tile = text.closest("g.slice");
    const bounds = tile ? tile.querySelector("path").getBoundingClientRect() : frame;
    found.push({{
      figure: div.parentElement.id || div.id, text: node.data.trim(),
      size: scale * parseFloat(getComputedStyle(node.parentElement).fontSize),
      box: [box.left - frame.left, box.top - frame.top,
            box.right - frame.left, box.bottom - frame.top],
      bounds: [bounds.left - frame.left, bounds.top - frame.top,
               bounds.right - frame.left, bounds.bottom - frame.top],
    }});
  }}
}}
document.getElementById("texts").textContent = JSON.stringify(found);
</script>"""
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Text:
    """A line of text as the browser has drawn it.

    Attributes:
        figure: The id of its figure.
        text: The letters.
        size: The height of the font in pixels.
        box: Left, top, right and bottom, in pixels from the figure's corner.
        bounds: The box that it must lie in: its tile's, or the figure's.
    """

    figure: str
    text: str
    size: float
    box: Box
    bounds: Box

    def is_cut(self) -> bool:
        (left, top, right, bottom), (x0, y0, x1, y1) = self.box, self.bounds
        return left < x0 - 1 or top < y0 - 1 or right > x1 + 1 or bottom > y1 + 1

    def overlaps(self, other: Text) -> bool:
        (a0, b0, a1, b1), (c0, d0, c1, d1) = self.box, other.box
        return min(a1, c1) - max(a0, c0) > 1 and min(b1, d1) - max(b0, d0) > 1


def faults(texts: list[Text], least: float = 11.0) -> list[str]:
    """What a reader cannot read: text that is small, cut, or hidden by another."""
    found = [f"{t.figure}: small, {t.size:.1f} px: {t.text!r}" for t in texts if t.size < least]
    found += [f"{t.figure}: cut, {t.box}: {t.text!r}" for t in texts if t.is_cut()]
    for figure in {text.figure for text in texts}:
        own = [text for text in texts if text.figure == figure]
        found += [
            f"{figure}: {a.text!r} overlaps {b.text!r}"
            for a, b in combinations(own, 2)
            if a.overlaps(b)
        ]
    return found


def drawn_texts(figures: Mapping[str, Any], folder: Path, width: int, height: int) -> list[Text]:
    """All lines of text of plotly figures, drawn at a size in pixels."""
    from plotly.offline import get_plotlyjs

    parts = [
        figure.to_html(
            full_html=False, include_plotlyjs=False, div_id=name, config={"displayModeBar": False},
            default_width=f"{width}px", default_height=f"{height}px",
        )
        for name, figure in figures.items()
    ]  # fmt: skip
    page = folder / "figures.html"
    page.write_text(PAGE.format(plotly=get_plotlyjs(), figures="".join(parts)), encoding="utf-8")
    dom = open_page(page.as_uri(), folder, "--dump-dom", f"--window-size={width},{height}")
    content = re.search(r'<pre id="texts">(.*?)</pre>', dom, re.DOTALL)
    assert content is not None
    assert content[1], "the page's script has failed"
    return [
        Text(**{**text, "box": tuple(text["box"]), "bounds": tuple(text["bounds"])})
        for text in json.loads(html.unescape(content[1]))
    ]


def open_page(address: str, folder: Path, *arguments: str) -> str:
    """Open a page and return what the browser prints."""
    assert BROWSER is not None, "the test is skipped without"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    flags += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000"]
    command = [BROWSER, *flags, *arguments, address]
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, env=environment
    )
    return done.stdout
