import { useEffect, useRef } from "preact/hooks";
import { ageMs, durationText, localTime } from "../time";
import type { Instant } from "../types";
import { t } from "../words";

/** What has the focus itself, so that a moment inside it needs no stop of its own. */
const CONTROL = "button, a, label, summary";
/** Moments of one list are one stop of the Tab key; the arrows go from one to the next. */
const GROUP = "ol, ul, dl, table, header";
const STOP = "time[tabindex='0']";

/**
 * A moment in whatever words: local time with its zone, and UTC, are shown on hover, on keyboard focus and on touch
 * (../time_tip.ts).
 */
export function Moment({ at, words, stale }: { at: Instant; words: string; stale?: boolean | undefined }) {
  const element = useRef<HTMLTimeElement>(null);
  useEffect(() => {
    const time = element.current;
    if (!time || time.closest(CONTROL)) return;
    const group = time.closest(GROUP);
    time.tabIndex = group?.querySelector(STOP) ? -1 : 0;
    return () => {
      if (time.tabIndex === 0)
        group?.querySelector<HTMLElement>("time[tabindex]")?.setAttribute("tabindex", "0");
    };
  }, []);
  return (
    <time ref={element} class={stale === undefined ? undefined : "age"} dateTime={at} data-stale={stale}>
      {words}
    </time>
  );
}

/** How long ago, counting up: itself alone is drawn again each second. */
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
  const stale = staleAfterS !== undefined && age > staleAfterS * 1000;
  return <Moment at={at} words={bare ? words : t("age.ago", { age: words })} stale={stale} />;
}

/** The moment in local time; "yesterday 23:10" where it was not today. */
export function Time({ at, seconds = true }: { at: Instant; seconds?: boolean }) {
  return <Moment at={at} words={localTime(at, seconds)} />;
}
