// What a unit counts as: its expected arrival and every doubt about it, in minutes of travel.
import type { Score } from "../../shared/types";
import { listWords } from "../words";
import { minutes, t } from "./words";

const TERMS = ["eta", "risk", "battery", "coverage", "shift", "mismatch"] as const;
/** A term below this is told as nothing. */
const LEAST_S = 3;
const WIDTH = 72;

/** A bar of the terms, as long as the score beside the longest, and the same in figures. */
export function ScoreLine({ score, longestS }: { score: Score; longestS: number }) {
  const told = TERMS.filter((term) => term === "eta" || score[`${term}_s`] >= LEAST_S);
  const parts = told.map((term) => t(`score.${term}`, { min: minutes(score[`${term}_s`]) }));
  const words = t("score.parts", { parts: parts.join(" + "), min: minutes(score.total_s) });
  let from = 0;
  return (
    <span
      class="rec-line rec-score"
      data-testid="score"
      title={`${t("score.counts", { min: minutes(score.total_s) })}: ${listWords(parts)}`}
    >
      <svg width={WIDTH} height="8" viewBox={`0 0 ${WIDTH} 8`} aria-hidden="true">
        {told.map((term) => {
          const width = (WIDTH * score[`${term}_s`]) / Math.max(longestS, 1);
          const x = from;
          from += width;
          return <rect key={term} x={x} width={Math.max(width - 0.5, 0.5)} height="8" data-term={term} />;
        })}
      </svg>
      <span>{words}</span>
    </span>
  );
}
