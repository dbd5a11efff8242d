"""The style page: signs that any eye tells apart, both themes side by side, both languages."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.async_api import Browser, Locator, expect

from tests.browser.people import person
from tests.browser.test_accessibility import violations
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

Picture = npt.NDArray[np.float64]
"""Rows × columns × linear red, green, blue; 0 to 1."""

EYES: dict[str, Sequence[Sequence[float]]] = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
    "no colour at all": ((0.2126, 0.7152, 0.0722),) * 3,
}
"""Linear RGB as it is seen: Machado, Oliveira and Fernandes (2009), severity 1.0."""
UNLIKE = 0.15
"""Two pixels are unlike from here on, in sRGB from 0 to 1."""
SHARE_MIN = 0.05
"""Of the pixels that either sign draws, unlike ones: less is a speck that nobody sees."""


async def test_every_eye_tells_the_signs_apart(
    plain_browser: Browser, server: ServerProcess
) -> None:
    """Words left out; by day and by night. Without colour what remains is lightness and shape."""
    found: dict[str, float] = {}
    async with person(plain_browser, server.url, None, device_scale_factor=3) as page:
        await page.goto("/styleguide")
        await expect(page.get_by_test_id("theme-pane")).to_have_count(2)
        for theme in ("day", "night"):
            signs = page.locator(f"[data-testid=theme-pane][data-theme={theme}]").get_by_test_id(
                "sign"
            )
            for group, least in {"unit": 6, "state": 5, "incident": 6, "priority": 3}.items():
                pictures = await drawn(signs.and_(page.locator(f"[data-set={group}]")))
                assert len(pictures) >= least
                for eye, (one, other) in (
                    (eye, pair) for eye in EYES for pair in combinations(pictures, 2)
                ):
                    share = unlike(pictures[one], pictures[other], eye)
                    found[f"{theme}, {group}, {eye}: {one}, {other}"] = round(share, 3)

    assert {pair: share for pair, share in found.items() if share < SHARE_MIN} == {}


async def drawn(signs: Locator) -> dict[str, Picture]:
    """What the graphics of the signs look like, by name."""
    pictures: dict[str, Picture] = {}
    for sign in await signs.all():
        name = await sign.get_attribute("data-sign")
        assert name is not None
        image = Image.open(BytesIO(await sign.locator("svg, canvas").screenshot()))
        srgb = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
        pictures[name] = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return pictures


def unlike(one: Picture, other: Picture, eye: str) -> float:
    """The share of drawn pixels that differ to this eye."""
    rows, columns = (min(one.shape[side], other.shape[side]) for side in (0, 1))
    first, second = (seen(each[:rows, :columns], eye) for each in (one, other))
    ground = first[0, 0]
    is_drawn = (np.abs(first - ground) > UNLIKE).any(-1) | (np.abs(second - ground) > UNLIKE).any(
        -1
    )
    differs = (np.abs(first - second) > UNLIKE).any(-1)
    return float(differs.sum() / is_drawn.sum())


def seen(picture: Picture, eye: str) -> Picture:
    """sRGB, for that is about even to the eye."""
    linear = np.clip(picture @ np.array(EYES[eye]).T, 0, 1)
    srgb: Picture = np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return srgb


async def test_both_themes_and_languages_stand_on_one_page(
    plain_browser: Browser, server: ServerProcess
) -> None:
    grounds = "panes => panes.map((pane) => getComputedStyle(pane).backgroundColor)"
    async with person(plain_browser, server.url, None, locale="en-GB") as page:
        await page.goto("/styleguide")
        panes = page.get_by_test_id("theme-pane")
        await expect(panes).to_have_count(2)
        day, night = await panes.evaluate_all(grounds)
        await expect(panes.first).to_contain_text("On scene")
        await expect(panes.first).to_contain_text("到场")
        await page.get_by_test_id("language").first.click()
        await expect(page.get_by_role("heading", name="单位状态")).to_have_count(2)
        await expect(panes.first).to_contain_text("On scene")

    assert day != night


async def test_axe_finds_nothing_on_the_style_page(
    plain_browser: Browser, server: ServerProcess
) -> None:
    found: list[str] = []
    for locale in ("en-GB", "zh-CN"):
        options = {"locale": locale, "reduced_motion": "reduce"}
        async with person(plain_browser, server.url, None, **options) as page:
            await page.goto("/styleguide")
            await expect(page.get_by_test_id("theme-pane")).to_have_count(2)
            found += await violations(page)
            for opener in await page.get_by_test_id("open-dialog").all():
                await opener.click()
                found += await violations(page)
                await page.keyboard.press("Escape")

    assert found == []


async def test_the_style_page_fits_a_narrow_screen(
    plain_browser: Browser, server: ServerProcess
) -> None:
    viewport = {"width": 360, "height": 740}
    async with person(plain_browser, server.url, None, viewport=viewport) as page:
        await page.goto("/styleguide")
        await expect(page.get_by_test_id("theme-pane")).to_have_count(2)

        assert await page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
