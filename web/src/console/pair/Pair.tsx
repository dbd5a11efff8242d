// Two units where one is not enough: why, when both are there, where they meet, and one key that sends both.
// Comes over the line with the first recommendation that names two.
//
// Marks for browser tests: pair (data-units), pair-send.

import { Button } from "../../shared/components/Button";
import { durationText, etaText } from "../../shared/time";
import type { Incident, UnitPair } from "../../shared/types";
import { dispatchChosen } from "../commands";
import { chosen } from "../detail_store";
import { cap } from "../keys/table";
import { listWords } from "../words";
import { reasonWords, t } from "./words";

const PCT = 100;

export function Pair({ pair, incident }: { pair: UnitPair; incident: Incident }) {
  const { call_signs: signs, p_first_in_time: chance } = pair;
  return (
    <section class="pair" aria-label={t("pair.title")} data-testid="pair" data-units={signs.join()}>
      <p>
        <b>
          {t("pair.title")}: {signs.join(" + ")}
        </b>
        {" · "}
        {t("pair.both", {
          time: etaText(pair.both_s),
          p90: etaText(pair.both_p90_s),
          first: etaText(pair.first_s),
        })}
        {chance !== null && ` · ${t("pair.chance", { pct: Math.round(chance * PCT) })}`}
      </p>
      <p>{together(pair)}</p>
      <p class="row-soft">{listWords(pair.reasons.map(reasonWords))}</p>
      <Button
        size="small"
        cap={cap("pair")}
        data-testid="pair-send"
        onClick={() => void sendBoth(pair, incident)}
      >
        {t("pair.send")}
      </Button>
    </section>
  );
}

/** Where and how they come together. */
function together({ meeting, meets_before }: UnitPair): string {
  if (!meeting) return t(meets_before ? "pair.two_sides" : "pair.goes_on");
  const { place, first_there: unit, waits_s, has_signal } = meeting;
  const waits = t("pair.meet", { place, unit, time: durationText(waits_s * 1000) });
  const how = meets_before ? waits : `${t("pair.goes_on")} · ${waits}`;
  return has_signal ? how : `${how} · ${t("pair.no_signal_there")}`;
}

/** One decision, one order each; where they meet first, it is in the order. */
async function sendBoth(pair: UnitPair, incident: Incident): Promise<void> {
  chosen.value = new Set(pair.unit_ids);
  const place = pair.meets_before ? pair.meeting?.place : undefined;
  await dispatchChosen(incident, place ? t("pair.instruction", { place }) : "");
}
