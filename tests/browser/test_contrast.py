"""Every text colour on every ground that a row takes on, hovered and chosen too: WCAG 2.2, 1.4.3.

Computed from the tokens, for no browser test moves the mouse over every row.
"""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

STYLES = Path(__file__).parents[2] / "web/src"
TOKENS = STYLES / "shared/styles/tokens.css"
LISTS = STYLES / "console/styles/lists.css"

CONTRAST_MIN = 4.5
GROUNDS = ("surface", "surface-2", "surface-3", "accent-soft", "warn-soft", "bad-soft")
TEXTS = re.compile(
    r"ink(-[23])?|accent|good|warn|bad|state-[a-z-]+|priority-(emergency|priority|routine)"
)

Colour = tuple[float, float, float]


def theme(name: str) -> dict[str, Colour]:
    """Colours of `day` or `night` by name, 0 to 1."""
    (block,) = re.findall(rf'\[data-theme="{name}"\] {{(.*?)}}', TOKENS.read_text(), re.DOTALL)
    found = re.findall(r"--([\w-]+): #(\w\w)(\w\w)(\w\w);", block)
    return {name: (int(r, 16) / 255, int(g, 16) / 255, int(b, 16) / 255) for name, r, g, b in found}


def hovered(colours: dict[str, Colour]) -> Colour:
    """The ground of an emergency's row under the mouse."""
    pattern = r"color-mix\(in srgb, var\(--priority-emergency-soft\) (\d+)%, var\(--ink\)\)"
    (percent,) = re.findall(pattern, LISTS.read_text())
    share = int(percent) / 100
    soft, ink = colours["priority-emergency-soft"], colours["ink"]
    r, g, b = (share * a + (1 - share) * z for a, z in zip(soft, ink, strict=True))
    return r, g, b


def luminance(colour: Colour) -> float:
    """Relative luminance, WCAG 2.2."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: Colour, other: Colour) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", ["day", "night"])
def test_every_text_can_be_read_on_every_ground(name: str) -> None:
    colours = theme(name)
    grounds = {each: colours[each] for each in GROUNDS} | {"hovered": hovered(colours)}
    texts = {each: colours[each] for each in colours if TEXTS.fullmatch(each)}

    assert len(texts) >= 12
    assert {
        f"{text} on {ground}": round(contrast(texts[text], grounds[ground]), 2)
        for text, ground in product(texts, grounds)
        if contrast(texts[text], grounds[ground]) < CONTRAST_MIN
    } == {}
