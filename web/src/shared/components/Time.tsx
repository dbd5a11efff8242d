import { ageMs, durationText, localTime, utcTime } from "../time";
import type { Instant } from "../types";
import { t } from "../words";

/** How long ago, counting up; the moment itself on hover. */
export function Age({
  at,
  staleAfterS,
  bare = false,
}: {
  at: Instant | null;
  staleAfterS?: number;
  bare?: boolean;
}) {
  if (at === null) return <span class="age">{t("age.never")}</span>;
  const age = ageMs(at);
  const words = durationText(age);
  return (
    <time
      class="age"
      dateTime={at}
      data-stale={staleAfterS !== undefined && age > staleAfterS * 1000}
      title={`${localTime(at)} · ${utcTime(at)}`}
    >
      {bare ? words : t("age.ago", { age: words })}
    </time>
  );
}

/** The moment in local time; UTC on hover. */
export function Time({ at, seconds = true }: { at: Instant; seconds?: boolean }) {
  return (
    <time dateTime={at} title={utcTime(at)}>
      {localTime(at, seconds)}
    </time>
  );
}
