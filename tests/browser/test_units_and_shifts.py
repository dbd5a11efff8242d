"""Units as an administrator keeps them, and a week planned: warned of, copied, swapped."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from server import demo
from tests.browser.house import House, NewHouse
from tests.browser.people import dispatching, login_of, person, toasted
from tests.browser.test_accessibility import violations
from tests.server_process import ServerProcess

pytestmark = pytest.mark.browser

HERE = {"timezone_id": "Europe/Andorra", "reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def house(new_house: NewHouse) -> Iterator[House]:
    with new_house(units=3) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def page(
    plain_browser: Browser, server: ServerProcess, seeded: demo.DemoSeed
) -> AsyncIterator[Page]:
    async with person(plain_browser, server.url, login_of(seeded, "admin"), **HERE) as page:
        yield page


async def opened(page: Page, call_sign: str) -> None:
    await page.get_by_test_id("section-units").click()
    await page.get_by_test_id("units-state").select_option("active")
    await page.get_by_test_id("units-search").fill(call_sign)
    rows = page.get_by_test_id("unit-row")
    await expect(rows).to_have_count(1)
    await rows.and_(page.locator(f"[data-unit='{call_sign}']")).get_by_role("link").click()


async def test_a_unit_is_made_manned_and_retired_but_not_while_it_works(
    page: Page, server: ServerProcess, seeded: demo.DemoSeed
) -> None:
    found: list[str] = []
    await page.get_by_test_id("section-units").click()
    await expect(page.get_by_test_id("unit-row")).to_have_count(3)
    taken = await page.get_by_test_id("unit-row").first.get_attribute("data-unit")
    assert taken is not None
    await page.get_by_test_id("units-new").click()
    await page.get_by_test_id("field-call_sign").fill(taken)
    await page.get_by_test_id("new-unit-save").click()
    await expect(page.get_by_test_id("field-call_sign-wrong")).to_be_visible()
    await page.get_by_test_id("field-call_sign").fill("M-09")
    await page.get_by_test_id("field-kind").select_option("motorcycle")
    await page.get_by_test_id("new-unit-save").click()

    await page.get_by_test_id("officer-new").click()
    await page.get_by_test_id("field-badge").fill("7001")
    await page.get_by_test_id("field-name").fill("Mu Lan")
    await page.get_by_test_id("new-officer-save").click()
    await expect(page.get_by_test_id("list-officers")).to_contain_text("7001")
    await page.get_by_test_id("field-plate").fill("A 7001")
    await page.get_by_test_id("field-equipment").fill("rope")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("field-leader").select_option("7001")
    found += await violations(page)
    await page.get_by_test_id("unit-save").click()
    await toasted(page, "Saved.")
    await page.reload()
    await expect(page.get_by_test_id("field-plate")).to_have_value("A 7001")
    await expect(page.get_by_test_id("list-equipment")).to_contain_text("rope")

    await page.get_by_test_id("officer-open").click()
    await page.get_by_test_id("field-skills").fill("First Aid")
    await page.keyboard.press("Enter")
    await page.get_by_test_id("officer-save").click()
    await expect(page.get_by_test_id("field-skills-wrong")).to_be_visible()
    await page.get_by_test_id("field-skills-remove").click()
    await page.get_by_test_id("field-skills").fill("first_aid")
    await page.keyboard.press("Enter")
    found += await violations(page)
    await page.get_by_test_id("officer-save").click()
    await expect(page.get_by_test_id("crew")).to_contain_text("first_aid")

    await page.get_by_test_id("unit-retire").click()
    await page.get_by_test_id("field-reason").fill("sold")
    await page.get_by_test_id("reason-save").click()
    await expect(page.get_by_test_id("unit-doing")).to_contain_text("Out of service since")
    await page.get_by_test_id("unit-back").click()
    await page.get_by_test_id("units-state").select_option("retired")
    await expect(page.get_by_test_id("unit-row")).to_have_count(1)
    await expect(page.get_by_test_id("unit-row")).to_contain_text("M-09")
    found += await violations(page)

    async with dispatching(server, seeded) as dispatcher:
        order = await dispatcher.send(seeded.fleet.devices[0].unit_id)
        await opened(page, order["call_sign"])
        await page.get_by_test_id("unit-retire").click()
        await page.get_by_test_id("field-reason").fill("sold")
        await page.get_by_test_id("reason-save").click()
        await expect(page.get_by_test_id("form-error")).to_contain_text(
            f"works on order {order['number']}"
        )
        await page.get_by_test_id("reason-cancel").click()
        await page.get_by_test_id("leave-go").click()
    assert found == []


def cell(page: Page, row: int, day: int) -> Locator:
    """The button of a new shift."""
    return page.get_by_test_id("shift-row").nth(row).get_by_test_id("shift-add").nth(day)


async def plan(page: Page, row: int, day: int, template: str) -> None:
    await cell(page, row, day).click()
    await page.get_by_test_id(f"template-{template}").click()
    await page.get_by_test_id("shift-form-save").click()
    await expect(page.get_by_test_id("shift-form")).to_have_count(0)


async def test_a_week_is_planned_warned_of_copied_and_swapped(page: Page) -> None:
    found: list[str] = []
    await page.get_by_test_id("section-shifts").click()
    await page.get_by_test_id("week-after").click()
    week = await page.get_by_test_id("week").inner_text()
    shifts, rows = page.get_by_test_id("shift"), page.get_by_test_id("shift-row")
    await expect(rows).to_have_count(3)

    await plan(page, 0, 0, "early")
    await plan(page, 1, 0, "night")
    await expect(page.get_by_test_id("shift-warnings")).to_contain_text("enough rest")
    await plan(page, 0, 0, "late")
    await expect(shifts).to_have_count(3)
    await expect(page.get_by_test_id("shift-warnings")).to_contain_text("rests only 0 h")
    found += await violations(page)

    await shifts.nth(1).click()
    await expect(page.get_by_test_id("shift-wrong")).to_be_visible()
    found += await violations(page)
    await page.get_by_test_id("field-ends_at").fill("2020-01-01T00:00")
    await page.get_by_test_id("shift-form-save").click()
    await expect(page.get_by_test_id("field-ends_at-wrong")).to_be_visible()
    await page.get_by_test_id("template-late").click()
    await page.get_by_test_id("shift-drop").click()
    await expect(shifts).to_have_count(2)

    await shifts.first.click()
    await page.get_by_test_id("swap-with").select_option(index=1)
    await page.get_by_test_id("swap").click()
    await toasted(page, "swapped")

    await page.get_by_test_id("shifts-copy").click()
    await page.get_by_test_id("copy-save").click()
    await toasted(page, "2 shifts copied.")
    await expect(page.get_by_test_id("week")).not_to_have_text(week)
    await expect(shifts).to_have_count(2)
    await expect(shifts.first).to_contain_text("06:00–14:00")
    await page.get_by_test_id("rows-officer").click()
    found += await violations(page)
    assert found == []


async def test_a_shift_is_planned_by_keys_alone(page: Page) -> None:
    await page.get_by_test_id("section-shifts").click()
    await page.get_by_test_id("week-before").click()
    await expect(page.get_by_test_id("shift-row")).to_have_count(3)
    await cell(page, 0, 0).focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowDown")
    await expect(cell(page, 1, 1)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("shift-form")).to_be_visible()
    await page.get_by_test_id("template-night").focus()
    await page.keyboard.press("Enter")
    await page.get_by_test_id("shift-form-save").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("shift")).to_contain_text("22:00–06:00")


async def give(page: Page, name: str, text: str) -> None:
    file: FilePayload = {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
    await page.get_by_test_id("import-file").set_input_files(file)


async def saved(page: Page, mark: str) -> str:
    async with page.expect_download() as download:
        await page.get_by_test_id(mark).click()
    return (await (await download.value).path()).read_text("utf-8-sig")


async def test_a_table_is_exported_changed_taken_in_and_taken_back(page: Page) -> None:
    found: list[str] = []
    await page.get_by_test_id("section-exchange").click()
    table = await saved(page, "export-officers")
    header, first, *rest = table.splitlines()
    badge, name, *_ = first.split(",")
    wrong = "\n".join([header, f"{badge},,,,", *rest, "70 02,Duan Yu,,,"])
    await give(page, "officers.csv", wrong)
    await expect(page.get_by_test_id("import-problems")).to_contain_text(f"Line {len(rest) + 3}:")
    await expect(page.get_by_test_id("import-do")).to_be_disabled()
    found += await violations(page)

    changed = "\n".join([header, f"{badge},Duan Yu,+86 139 0000 7002,rope,duanyu", *rest])
    await give(page, "officers.csv", changed)
    changes = page.get_by_test_id("import-changes")
    await expect(changes).to_contain_text(f"name: {name} → Duan Yu")
    found += await violations(page)
    await page.get_by_test_id("import-do").click()
    await page.get_by_test_id("field-reason").fill("new roster")
    await page.get_by_test_id("reason-save").click()
    await expect(page.get_by_test_id("import-done")).to_contain_text("2 changes made.")
    (login,) = json.loads(await saved(page, "import-secrets"))["users"]
    assert (login["username"], login["badge"]) == ("duanyu", badge)
    found += await violations(page)

    back = await saved(page, "import-way-back")
    await give(page, "way-back.json", back)
    await expect(changes).to_contain_text(f"name: Duan Yu → {name}")
    await page.get_by_test_id("import-do").click()
    await page.get_by_test_id("field-reason").fill("the wrong file")
    await page.get_by_test_id("reason-save").click()
    await expect(page.get_by_test_id("import-done")).to_be_visible()
    assert (await saved(page, "export-officers")).splitlines()[2:] == rest
    assert found == []


SHEET = """<?xml version="1.0" encoding="UTF-8"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>
<row r="3"><c r="A3" t="inlineStr"><is><t>7003</t></is></c><c r="B3" t="s"><v>2</v></c></row>
<row r="4"><c r="A4" t="inlineStr"><is><t>7 4</t></is></c><c r="B4" t="s"><v>2</v></c></row>
</sheetData></worksheet>"""
SHARED = """<?xml version="1.0" encoding="UTF-8"?>
<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>badge</t></si>
<si><r><t>na</t></r><r><t>me</t></r></si><si>
<t>和, 志强</t><rPh sb="0" eb="1"><t>he</t></rPh></si></sst>"""


def workbook(sheet: str) -> FilePayload:
    """As spreadsheets write it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        archive.writestr("xl/sharedStrings.xml", SHARED)
    return {"name": "officers.xlsx", "mimeType": "application/zip", "buffer": out.getvalue()}


async def test_a_workbook_is_read_by_its_rows_and_a_broken_one_is_told(page: Page) -> None:
    await page.get_by_test_id("section-exchange").click()
    file = page.get_by_test_id("import-file")
    await file.set_input_files(workbook(SHEET))
    await expect(page.get_by_test_id("import-problems")).to_contain_text("Line 4:")

    await file.set_input_files(workbook(SHEET.replace("7 4", "7004")))
    changes = page.get_by_test_id("import-change")
    await expect(changes).to_have_count(2)
    await expect(changes.first).to_contain_text("7003")
    await expect(changes.first).to_contain_text("name: 和, 志强")

    cut = workbook(SHEET)["buffer"][:200]
    await file.set_input_files({"name": "cut.xlsx", "mimeType": "application/zip", "buffer": cut})
    await toasted(page, "cannot be read as a workbook")
