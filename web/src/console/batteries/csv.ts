// The list of a shift as a file for a spreadsheet, and the words of what to do.
import { language } from "../../shared/i18n";
import { localTime } from "../../shared/time";
import type { Advice, Line } from "./store";
import { t } from "./words";

const COLUMNS = ["unit", "device", "level", "charging", "plan", "lasts", "empty", "ends", "todo"] as const;
/** What a spreadsheet would take for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

export function adviceWords(advice: Advice): string {
  const time = localTime(advice.by_at, false);
  const where = advice.station ? t("at.station", { station: advice.station }) : t("at.own");
  const values = {
    time,
    where,
    label: advice.label ?? "",
    minutes: Math.round(advice.charge_min ?? 0),
    unit: advice.trade_call_sign ?? "",
    device: advice.trade_with ?? "",
  };
  return t(`todo.${advice.remedy}`, values);
}

export const percent = (p: number): string =>
  `${p > 0.99 ? ">99" : p < 0.01 ? "<1" : Math.round(100 * p)}${language.value === "zh" ? "%" : " %"}`;

export const planWords = ({ camera }: Line): string =>
  camera
    ? t("plan", {
        jobs: camera.jobs.toFixed(1),
        record: camera.record_min,
        stream: camera.stream_min,
        standby: camera.standby_min,
      })
    : t("plan.as_now");

export function csv(lines: Line[]): string {
  const rows = lines.map((line) => [
    line.unit,
    line.id,
    line.level === null ? "" : `${Math.round(line.level)}`,
    line.charging ? t("yes") : "",
    planWords(line),
    line.p === null ? "" : percent(line.p),
    line.empty[1] === null ? "" : localTime(line.empty[1], false),
    localTime(line.ends, false),
    (line.camera?.advice ?? []).map(adviceWords).join(" / "),
  ]);
  const head = COLUMNS.map((name) => t(`column.${name}`));
  return [head, ...rows].map((cells) => cells.map(cell).join(",")).join("\r\n");
}

function cell(text: string): string {
  const plain = FORMULA.test(text) ? `'${text}` : text;
  return `"${plain.replaceAll('"', '""')}"`;
}

/** Let the browser keep it; the mark at its head tells spreadsheets that it is UTF-8. */
export function download(lines: Line[], name: string): void {
  const url = URL.createObjectURL(new Blob([`\uFEFF${csv(lines)}\r\n`], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
