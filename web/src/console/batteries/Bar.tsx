// How long one battery lasts, drawn on the axis that all of them share: surely, likely, perhaps; the end
// of the shift across it, the present job below. Shade and the marks say it, colour only repeats it.
import { localTime } from "../../shared/time";
import type { Line } from "./store";
import { t } from "./words";

const HOUR_MS = 3_600_000;
const TICKS_MAX = 13;
const WIDTH = 1000;

/** What the axis shows, milliseconds since 1970. */
export interface Axis {
  from: number;
  to: number;
}

/** From now, or the shift's beginning, to two hours beyond the last end of a shift. */
export function axisOf(lines: Line[]): Axis {
  const from = Math.min(...lines.map((line) => line.from));
  const ends = Math.max(...lines.map((line) => line.ends));
  return { from, to: Math.ceil((ends + 2 * HOUR_MS) / HOUR_MS) * HOUR_MS };
}

/** Full hours on it, so few that they can be read. */
export function ticksOf({ from, to }: Axis): number[] {
  const step = [1, 2, 3, 4, 6, 12, 24].find((hours) => (to - from) / HOUR_MS / hours < TICKS_MAX) ?? 48;
  const ticks = [];
  for (let at = Math.ceil(from / HOUR_MS) * HOUR_MS; at < to; at += HOUR_MS) {
    if (new Date(at).getHours() % step === 0) ticks.push(at);
  }
  return ticks;
}

const share = (at: number, { from, to }: Axis): number => Math.min(Math.max((at - from) / (to - from), 0), 1);

export function Bar({ line, axis }: { line: Line; axis: Axis }) {
  const x = (at: number) => WIDTH * share(at, axis);
  const begin = x(line.from);
  /** From the beginning until then; a battery that outlasts a day fills the axis. */
  const until = (at: number | null) => Math.max((at === null ? WIDTH : x(at)) - begin, 0);
  const [early, likely, late] = line.empty;
  return (
    <svg
      class="endurance-bar"
      viewBox={`0 0 ${WIDTH} 24`}
      preserveAspectRatio="none"
      role="img"
      aria-label={barWords(line)}
      data-lasts={line.lasts}
      data-fails={line.fails}
    >
      {ticksOf(axis).map((at) => (
        <path key={at} class="endurance-tick" d={`M${x(at)} 0V24`} />
      ))}
      {line.level !== null && (
        <>
          <rect class="endurance-perhaps" x={begin} width={until(late)} y="4" height="12" />
          <rect class="endurance-likely" x={begin} width={until(likely)} y="4" height="12" />
          <rect class="endurance-surely" x={begin} width={until(early)} y="4" height="12" />
        </>
      )}
      {line.jobEnds !== null && (
        <path class="endurance-job" d={`M${begin} 20.5H${Math.max(x(line.jobEnds), begin + 4)}`} />
      )}
      <path class="endurance-end" d={`M${x(line.ends)} 0V24`} />
    </svg>
  );
}

/** Hours above the bars. */
export function Hours({ axis }: { axis: Axis }) {
  return (
    <div class="endurance-hours" aria-hidden="true">
      {ticksOf(axis).map((at) => (
        <span key={at} style={{ left: `${100 * share(at, axis)}%` }}>
          {localTime(at, false).slice(-5)}
        </span>
      ))}
    </div>
  );
}

export function barWords({ level, charging, empty, ends }: Line): string {
  if (level === null) return t("bar.unknown");
  const time = (at: number | null) => (at === null ? t("bar.beyond") : localTime(at, false));
  const [early, likely, late] = empty;
  const words = { early: time(early), likely: time(likely), late: time(late), ends: localTime(ends, false) };
  return t(charging && likely === null ? "bar.charging" : "bar.words", words);
}
