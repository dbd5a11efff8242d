"""What is drawn on a map, once it is: tiles and names come when they were fetched and laid out."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.async_api import Locator

from tests.patience import PATIENCE_S

Picture = npt.NDArray[np.int_]
"""Rows × columns × red, green, blue."""


async def at_rest(target: Locator, is_so: Callable[[Picture], bool] = lambda _: True) -> Picture:
    """Once two pictures in a row are the same, and it is so."""
    async with asyncio.timeout(PATIENCE_S):
        before, now = await _picture(target), await _picture(target)
        while not (np.array_equal(before, now) and is_so(now)):
            before, now = now, await _picture(target)
    return now


async def _picture(target: Locator) -> Picture:
    image = Image.open(io.BytesIO(await target.screenshot()))
    return np.asarray(image.convert("RGB")).astype(np.int_)
