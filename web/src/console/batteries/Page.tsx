// Batteries of the shift that runs and of the one to come, who dies first at the head; and the spares.
// Comes over the line when it is opened.
//
// Marks for browser tests: batteries, batteries-<topic>, battery-row (data-device, data-lasts, data-fails),
// battery-advice, battery-detail, charge (data-kind), batteries-csv, batteries-begins; spare (data-label,
// data-charged), spare-take, spare-put, spare-charged, spare-where, spare-is-charged, spare-put-confirm.

import { useEffect } from "preact/hooks";
import { Battery } from "../../shared/components/Battery";
import { Button } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { Overlay } from "../../shared/components/Overlay";
import { Age } from "../../shared/components/Time";
import { ageMs, localTime } from "../../shared/time";
import { cap } from "../keys/table";
import { togglePage } from "../store";
import { type Axis, axisOf, Bar, barWords, Hours } from "./Bar";
import { adviceWords, download, percent } from "./csv";
import { Detail } from "./Detail";
import { Spares } from "./Spares";
import {
  ask,
  begins,
  busy,
  choose,
  failing,
  type Line,
  lines,
  open,
  opened,
  plan,
  startBatteries,
  type Topic,
  topic,
} from "./store";
import { t } from "./words";

const TOPICS: Topic[] = ["running", "coming", "spares"];
const OLD_S = 1800;

export function BatteriesPage() {
  useEffect(() => startBatteries(), []);
  const isShift = topic.value !== "spares";
  return (
    <Overlay
      name="batteries"
      title={t("title")}
      topics={{ label: t("show"), names: TOPICS, now: topic.value, words: (name) => t(`topic.${name}`) }}
      onTopic={choose}
      busy={busy.value}
      about={topic.value === "coming" && <Begins />}
      actions={<Actions isShift={isShift} />}
      close={{ words: t("close"), cap: cap("batteries"), act: () => togglePage("batteries") }}
      onKeyDown={walk}
    >
      <div class="scroll">{isShift ? <Shift /> : <Spares />}</div>
    </Overlay>
  );
}

function Actions({ isShift }: { isShift: boolean }) {
  return (
    <>
      {isShift && (
        <>
          <Button
            size="small"
            data-testid="batteries-csv"
            disabled={lines.value.length === 0}
            onClick={() => download(lines.value, fileName())}
          >
            {t("csv")}
          </Button>
          <Button size="small" onClick={() => print()}>
            {t("print")}
          </Button>
        </>
      )}
      <Button size="small" busy={busy.value} onClick={() => void ask()}>
        {t("again")}
      </Button>
    </>
  );
}

function Begins() {
  const pad = (value: number) => String(value).padStart(2, "0");
  const at = new Date(begins.value);
  const date = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return (
    <label class="batteries-begins">
      <span>{t("begins")}</span>
      <input
        class="input"
        type="datetime-local"
        data-testid="batteries-begins"
        value={`${date}T${pad(at.getHours())}:${pad(at.getMinutes())}`}
        onChange={(event) => {
          const chosen = Date.parse(event.currentTarget.value);
          if (Number.isNaN(chosen)) return;
          begins.value = chosen;
          void ask();
        }}
      />
    </label>
  );
}

function Shift() {
  if (!plan.value) return null;
  if (lines.value.length === 0) return <p class="empty">{t("none")}</p>;
  const axis = axisOf(lines.value);
  return (
    <>
      <p class="batteries-sum" data-bad={failing.value.length > 0}>
        <b>{failing.value.length}</b> {t("sum", { all: lines.value.length })}
        {plan.value.left_out > 0 && ` · ${t("left_out", { count: plan.value.left_out })}`}
      </p>
      <Legend />
      <div class="battery-row battery-axis">
        <span />
        <Hours axis={axis} />
        <span>{t("column.lasts")}</span>
      </div>
      <ol aria-label={t("list")}>
        {lines.value.map((line) => (
          <li key={line.id}>
            <Row line={line} axis={axis} />
            {opened.value === line.id && <Detail line={line} />}
          </li>
        ))}
      </ol>
    </>
  );
}

function Row({ line, axis }: { line: Line; axis: Axis }) {
  const first = line.camera?.advice[0];
  return (
    <button
      type="button"
      class="battery-row"
      data-testid="battery-row"
      data-device={line.id}
      data-lasts={line.lasts}
      data-fails={line.fails}
      aria-expanded={opened.value === line.id}
      onClick={() => void open(line.id)}
    >
      <span class="battery-whose">
        <b>{line.unit}</b>
        <span>
          <Battery pct={line.level} charging={line.charging} device={line.kind} />
          {isOld(line) && <Age at={line.levelAt} staleAfterS={OLD_S} />}
        </span>
        <small class="row-soft">{line.id}</small>
      </span>
      <span class="battery-when">
        <Bar line={line} axis={axis} />
        <span class="battery-words">
          {first ? (
            <span class="battery-advice" data-testid="battery-advice">
              <Icon name="bolt" size={12} /> {adviceWords(first)} → {percent(first.p_lasts)}
            </span>
          ) : (
            <span class="row-soft">{besides(line)}</span>
          )}
        </span>
      </span>
      <span class="battery-p" data-lasts={line.lasts} data-fails={line.fails}>
        {(line.lasts || line.fails) && <Icon name={line.lasts ? "check" : "alert"} size={13} />}
        {line.p === null ? "–" : percent(line.p)}
      </span>
    </button>
  );
}

const isOld = ({ levelAt }: Line): boolean => levelAt !== null && ageMs(levelAt) > OLD_S * 1000;

/** Where there is nothing to advise. */
function besides(line: Line): string {
  if (line.camera === null || line.p === null || line.lasts) return barWords(line);
  return `${barWords(line)} ${t(line.fails ? "helpless" : "unlearned")}`;
}

function Legend() {
  return (
    <ul class="endurance-legend" aria-label={t("legend")}>
      {(["surely", "likely", "perhaps"] as const).map((name) => (
        <li key={name}>
          <svg width="26" height="12" aria-hidden="true">
            <rect class={`endurance-${name}`} width="26" height="12" />
          </svg>
          {t(`legend.${name}`)}
        </li>
      ))}
      <li>
        <svg width="8" height="14" aria-hidden="true">
          <path class="endurance-end" d="M4 0V14" />
        </svg>
        {t("legend.end")}
      </li>
      <li>
        <svg width="26" height="14" aria-hidden="true">
          <path class="endurance-job" d="M0 7H26" />
        </svg>
        {t("legend.job")}
      </li>
    </ul>
  );
}

const fileName = (): string =>
  `${t("file")}-${localTime(plan.peek()?.begins_at ?? plan.peek()?.now ?? Date.now(), false).replace(/\D/g, "")}.csv`;

/** Rows are walked by arrows, j and k. */
function walk(event: KeyboardEvent): void {
  const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  const target = event.target as HTMLElement;
  if (!by || event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select")) return;
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("button.battery-row")];
  const at = rows.indexOf(target);
  rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
  event.preventDefault();
  event.stopPropagation();
}
