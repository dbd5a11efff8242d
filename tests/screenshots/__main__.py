"""`make screenshots`: start the demonstration on a free port, work in it, keep what it shows."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import expect

from tests.browser.conftest import ARGUMENTS, chromium
from tests.browser.people import PATIENCE_MS, Dispatcher, login_of, signed_in
from tests.conftest import ROOT
from tests.screenshots.county import County, county
from tests.screenshots.gallery import Gallery
from tests.screenshots.scenes import SCENES


def main() -> None:
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "img")
    parser.add_argument(
        "--every", action="store_true", help="each in both themes and languages, to look through"
    )
    parser.add_argument("--only", nargs="*", choices=SCENES, default=[*SCENES])
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    gallery = Gallery(wanted.out, wanted.every)
    with (
        tempfile.TemporaryDirectory(prefix="ridgeline-screenshots-") as folder,
        county(ROOT / "data", Path(folder)) as there,
    ):
        asyncio.run(photograph(there, gallery, wanted.only))
    print(f"{len(gallery.written)} pictures, {gallery.check_size() / 1000:.0f} kB in {wanted.out}")


async def photograph(there: County, gallery: Gallery, names: list[str]) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    async with chromium() as (playwright, path):
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        async with signed_in(there, login_of(there.seeded, "dispatcher")) as client:
            for name in names:
                print(f"{name} …", flush=True)
                await SCENES[name](browser, there, Dispatcher(client), gallery)
        await browser.close()


if __name__ == "__main__":
    main()
