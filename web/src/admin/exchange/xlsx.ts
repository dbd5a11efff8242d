// The first sheet of a workbook (ECMA-376) as CSV, unpacked by the browser itself: a workbook is a zip archive of
// XML. Cells are taken as they are kept: texts, numbers, truths; what is reckoned counts as it was last reckoned.

const BYTES_MAX = 8 << 20;
const INFLATED_BYTES_MAX = 64 << 20;
const COLUMNS_MAX = 100;
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_LENGTH = 22;
const COMMENT_MAX = 0xffff;
const DEFLATED = 8;

/** What stands in the file is no workbook, or too much. */
export class NoWorkbook extends Error {}

export const isWorkbook = (file: File): boolean => /\.xlsx$/i.test(file.name);

export async function csvOf(file: File): Promise<string> {
  if (file.size > BYTES_MAX) throw new NoWorkbook("size");
  const parts = partsOf(new DataView(await file.arrayBuffer()));
  const sheetPath = [...parts.keys()]
    .filter((name) => /^xl\/worksheets\/[^/]+\.xml$/.test(name))
    .sort(byNumber)[0];
  if (!sheetPath) throw new NoWorkbook("sheet");
  const texts = parts.has("xl/sharedStrings.xml") ? await xml(parts, "xl/sharedStrings.xml") : null;
  const shared = texts ? [...texts.getElementsByTagName("si")].map(textOf) : [];
  const sheet = await xml(parts, sheetPath);
  return rowsOf(sheet, shared)
    .map((row) => row.map(quoted).join(","))
    .join("\r\n");
}

/** sheet2 before sheet10. */
const byNumber = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true });

type Parts = Map<string, { bytes: Uint8Array<ArrayBuffer>; deflated: boolean; length: number }>;

/** By the archive's central directory, which stands at its end (APPNOTE.TXT, 4.3.12 and 4.3.16). */
function partsOf(view: DataView<ArrayBuffer>): Parts {
  let end = view.byteLength - END_LENGTH;
  const last = Math.max(0, end - COMMENT_MAX);
  while (end >= last && view.getUint32(end, true) !== END) end--;
  if (end < last || end < 0) throw new NoWorkbook("archive");
  const parts: Parts = new Map();
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== ENTRY) throw new NoWorkbook("archive");
    const [packed, length] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const nameLength = view.getUint16(at + 28, true);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, nameLength));
    const local = view.getUint32(at + 42, true);
    const begins = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    parts.set(name, {
      bytes: new Uint8Array(view.buffer, begins, packed),
      deflated: view.getUint16(at + 10, true) === DEFLATED,
      length,
    });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return parts;
}

async function xml(parts: Parts, name: string): Promise<Document> {
  const part = parts.get(name);
  if (!part || part.length > INFLATED_BYTES_MAX) throw new NoWorkbook(name);
  const stream = new Blob([part.bytes]).stream();
  const plain = part.deflated ? stream.pipeThrough(new DecompressionStream("deflate-raw")) : stream;
  const read = new DOMParser().parseFromString(await limited(plain), "application/xml");
  if (read.querySelector("parsererror")) throw new NoWorkbook(name);
  return read;
}

/** An archive may say less of its length than is in it. */
async function limited(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  let length = 0;
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    length += value?.length ?? 0;
    if (length > INFLATED_BYTES_MAX) throw new NoWorkbook("size");
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

/** Rows by their number, so that a line of a problem is a row of the sheet; empty ones between stay. */
function rowsOf(sheet: Document, shared: string[]): string[][] {
  const rows: string[][] = [];
  for (const row of sheet.getElementsByTagName("row")) {
    const number = Number(row.getAttribute("r")) || rows.length + 1;
    while (rows.length < number - 1) rows.push([""]);
    const cells: string[] = [];
    for (const cell of row.getElementsByTagName("c")) {
      const column = columnOf(cell.getAttribute("r")) ?? cells.length;
      if (column >= COLUMNS_MAX) continue;
      while (cells.length < column) cells.push("");
      cells[column] = cellText(cell, shared);
    }
    rows.push(cells);
  }
  const width = rows[0]?.length ?? 0;
  return rows.map((row) => row.slice(0, Math.max(width, row.findLastIndex(Boolean) + 1)));
}

/** Of `BC7`, from 0. */
function columnOf(reference: string | null): number | null {
  const letters = reference?.match(/^[A-Z]{1,3}/)?.[0];
  return letters ? [...letters].reduce((sum, letter) => 26 * sum + letter.charCodeAt(0) - 64, 0) - 1 : null;
}

function cellText(cell: Element, shared: string[]): string {
  const type = cell.getAttribute("t");
  if (type === "inlineStr") return textOf(cell);
  const value = cell.getElementsByTagName("v")[0]?.textContent ?? "";
  if (type === "s") return shared[Number(value)] ?? "";
  if (type === "b") return value === "1" ? "yes" : "no";
  return value;
}

/** Without the readings that stand above Chinese and Japanese words (`rPh`). */
const textOf = (element: Element): string =>
  [...element.getElementsByTagName("t")]
    .filter((text) => !text.closest("rPh"))
    .map((text) => text.textContent ?? "")
    .join("");

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
