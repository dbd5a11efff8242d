"""Where pictures go: small PNG files, in the theme and language that a scene names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Page, expect

COLOURS = 256
BYTES_MAX = 2_000_000
"""Of all that are committed."""
GAP_PX = 24

DRESSES = tuple((theme, language) for theme in ("day", "night") for language in ("en", "zh"))
DRESS = """([theme, language]) => {
    const root = document.documentElement;
    const press = (id) => document.querySelector(`[data-testid=${id}]`)?.click();
    if (root.dataset.theme !== theme) press("theme");
    if (!root.lang.startsWith(language)) press("language");
}"""
SETTLED = """async () => {
    await document.fonts.ready;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""


@dataclass(slots=True)
class Gallery:
    """`every`: each picture in both themes and both languages, to look through."""

    folder: Path
    every: bool = False
    written: list[Path] = field(default_factory=list)

    async def take(self, page: Page, name: str, theme: str = "day", language: str = "en") -> None:
        for each in DRESSES if self.every else ((theme, language),):
            label = f"{name}-{each[0]}-{each[1]}" if self.every else name
            await dress(page, *each)
            self._keep(label, Image.open(BytesIO(await page.screenshot())))

    def side_by_side(self, name: str, parts: Sequence[str]) -> None:
        """Some of what was taken, as one picture."""
        if self.every:
            return
        images = [Image.open(self._path(part)).convert("RGB") for part in parts]
        width = sum(image.width for image in images) + GAP_PX * (len(images) - 1)
        sheet = Image.new("RGB", (width, max(image.height for image in images)), "white")
        left = 0
        for image, part in zip(images, parts, strict=True):
            sheet.paste(image, (left, 0))
            left += image.width + GAP_PX
            self._path(part).unlink()
            self.written.remove(self._path(part))
        self._keep(name, sheet)

    def check_size(self) -> int:
        """Bytes of all. Raises `ValueError` when they are too many to commit."""
        total = sum(path.stat().st_size for path in self.written)
        if total > BYTES_MAX and not self.every:
            raise ValueError(f"The pictures have {total} bytes, more than {BYTES_MAX}.")
        return total

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.png"

    def _keep(self, name: str, image: Image.Image) -> None:
        plain = image.convert("RGB")
        kept = plain if self.every else with_palette(plain)
        kept.save(self._path(name), optimize=True)
        self.written.append(self._path(name))


def with_palette(image: Image.Image) -> Image.Image:
    """A third of the size; rare colours, as those of states and priorities, are kept."""
    return image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)


async def dress(page: Page, theme: str, language: str) -> None:
    await page.evaluate(DRESS, [theme, language])
    await expect(page.locator("html")).to_have_attribute("lang", re.compile(f"^{language}"))
    await page.wait_for_load_state("networkidle")
    await expect(page.locator("[aria-busy=true]:not(button)")).to_have_count(0)
    await page.evaluate(SETTLED)
