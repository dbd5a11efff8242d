// What our own drives say of a road: "towards north, routine: 14 drives, 12 % slower than modelled".
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { language } from "../../shared/i18n";
import { errorWords } from "../../shared/words";
import { pctWords } from "../map/tools/learned_layer";
import type { LearnedWay, NearEdge } from "./api";
import * as api from "./api";
import { t, towards } from "./words";

export function Learned({ road }: { road: NearEdge }) {
  const found = useSignal<LearnedWay[] | string | null>(null);
  useEffect(() => {
    let gone = false;
    found.value = null;
    void api
      .learned(road.edge)
      .then(({ ways }) => ways.filter(({ drives }) => drives > 0))
      .catch((error: unknown) => errorWords(error, t))
      .then((answer) => {
        if (!gone) found.value = answer;
      });
    return () => {
      gone = true;
    };
  }, [road.edge]);
  const ways = found.value;
  if (typeof ways === "string") return <p class="roads-learned">{ways}</p>;
  return (
    <ul class="roads-learned" aria-label={t("learned.title")} aria-busy={!ways} data-testid="roads-learned">
      {ways?.length === 0 && <li>{t("learned.none")}</li>}
      {ways?.map((way) => (
        <li key={`${way.direction} ${way.mode}`} data-mode={way.mode} data-drives={way.drives}>
          {t("learned.way", {
            compass: towards(road, way.direction),
            mode: t(`learned.mode.${way.mode}`),
          })}{" "}
          <b>{way.words[language.value]}</b>
          <small>{limits(way)}</small>
        </li>
      ))}
    </ul>
  );
}

/** "9 in 10 between +4 % and +21 % · 31 km/h, modelled 35 km/h". */
function limits({ low_pct, high_pct, kmh, model_kmh }: LearnedWay): string {
  const range = t("learned.range", { low: pctWords(low_pct), high: pctWords(high_pct) });
  if (kmh === null || model_kmh === null) return range;
  const speed = t("learned.kmh", { kmh: Math.round(kmh), model: Math.round(model_kmh) });
  return `${range} · ${speed}`;
}
