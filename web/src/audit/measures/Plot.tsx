// Figures with their limits, drawn as plain SVG. The words stand beside each plot, so it hides nothing
// from whoever does not see it.
import type { Quantile, Share } from "./types";
import { t } from "./words";

const WIDTH = 240;
const HEIGHT = 26;
/** Of two rows, each with room for words. */
const TIMES_HEIGHT = 42;
const PAD = 5;

const x = (value: number, most: number): number =>
  PAD + (WIDTH - 2 * PAD) * Math.min(1, most > 0 ? value / most : 0);

interface TimesProperties {
  p50: Quantile;
  p90: Quantile;
  n: number;
  most_s: number;
}

/** P50 above, P90 below; a line from limit to limit, with an arrow and words where there is no upper one. */
export function TimesPlot({ p50, p90, n, most_s }: TimesProperties) {
  return (
    <svg class="plot" viewBox={`0 0 ${WIDTH} ${TIMES_HEIGHT}`} aria-hidden="true">
      <line class="plot-base" x1={PAD} x2={WIDTH - PAD} y1={TIMES_HEIGHT - 1} y2={TIMES_HEIGHT - 1} />
      <Limits found={p50} n={n} y={13} most_s={most_s} kind="p50" />
      <Limits found={p90} n={n} y={33} most_s={most_s} kind="p90" />
    </svg>
  );
}

interface LimitsProperties {
  found: Quantile;
  n: number;
  y: number;
  most_s: number;
  kind: "p50" | "p90";
}

function Limits({ found, n, y, most_s, kind }: LimitsProperties) {
  const begin = x(found.low_s ?? 0, most_s);
  const end = found.high_s === null ? WIDTH - PAD : x(found.high_s, most_s);
  const known = found.estimable || found.low_s !== null;
  return (
    <g class="plot-limits" data-kind={kind} data-estimable={found.estimable}>
      {known && (
        <>
          <line x1={begin} x2={end} y1={y} y2={y} />
          <line x1={begin} x2={begin} y1={y - 3} y2={y + 3} />
          {found.high_s === null ? (
            <path d={`M${end - 5} ${y - 4} L${end} ${y} L${end - 5} ${y + 4}`} />
          ) : (
            <line x1={end} x2={end} y1={y - 3} y2={y + 3} />
          )}
        </>
      )}
      {found.value_s !== null && <Mark at={x(found.value_s, most_s)} y={y} square={kind === "p90"} />}
      {!found.estimable && (
        <NotEstimable words={t(`plot.not_estimable.${kind}`, { n })} begin={begin} y={y} />
      )}
    </g>
  );
}

/** Above the line, on whichever side of its beginning there is room. */
function NotEstimable({ words, begin, y }: { words: string; begin: number; y: number }) {
  const isLeft = begin > WIDTH / 2;
  return (
    <text class="plot-words" x={begin} y={y - 4.5} text-anchor={isLeft ? "end" : "start"}>
      {words}
    </text>
  );
}

/** The scale of the plots above it. */
export function Scale({ most_s, words }: { most_s: number; words: (seconds: number) => string }) {
  return (
    <svg class="plot" viewBox={`0 0 ${WIDTH} 14`} aria-hidden="true">
      {[0, 0.5, 1].map((part) => (
        <text
          key={part}
          x={x(part * most_s, most_s)}
          y={11}
          text-anchor={part === 0 ? "start" : part === 1 ? "end" : "middle"}
        >
          {words(part * most_s)}
        </text>
      ))}
    </svg>
  );
}

/** Shares from 0 to 1, one above the other; `wanted`: a line where they should be. */
export function SharePlot({ shares, wanted }: { shares: Share[]; wanted?: number }) {
  const step = HEIGHT / (shares.length + 1);
  return (
    <svg class="plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <line class="plot-base" x1={PAD} x2={WIDTH - PAD} y1={HEIGHT - 1} y2={HEIGHT - 1} />
      {wanted !== undefined && (
        <line class="plot-wanted" x1={x(wanted, 1)} x2={x(wanted, 1)} y1={1} y2={HEIGHT - 1} />
      )}
      {shares.map((share, place) => (
        <Bar key={place} share={share} y={step * (place + 1)} kind={place === 0 ? "p50" : "p90"} />
      ))}
    </svg>
  );
}

function Bar({ share, y, kind }: { share: Share; y: number; kind: string }) {
  const { value, low, high } = share;
  return (
    <g class="plot-limits" data-kind={kind} data-estimable="true">
      {low !== null && high !== null && <line x1={x(low, 1)} x2={x(high, 1)} y1={y} y2={y} />}
      <Mark at={x(value, 1)} y={y} square={kind === "p90"} />
    </g>
  );
}

/** From the first to the last rank that somebody may have, of so many. */
export function RankPlot({ low, high, of }: { low: number; high: number; of: number }) {
  return (
    <svg class="plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <line class="plot-base" x1={PAD} x2={WIDTH - PAD} y1={HEIGHT - 1} y2={HEIGHT - 1} />
      <rect
        class="plot-rank"
        x={x(low - 1, of)}
        width={x(high, of) - x(low - 1, of)}
        y={HEIGHT / 2 - 4}
        height={8}
        rx={2}
      />
    </svg>
  );
}

function Mark({ at, y, square }: { at: number; y: number; square: boolean }) {
  if (square) return <rect x={at - 3.2} y={y - 3.2} width={6.4} height={6.4} />;
  return <circle cx={at} cy={y} r={3.6} />;
}
