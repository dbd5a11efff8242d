// The way to the scene as a list that can be read out or followed by eye, also without signal.
import { useSignal } from "@preact/signals";
import { Button } from "../shared/components/Button";
import { toastError } from "../shared/components/Toast";
import { language } from "../shared/i18n";
import { ageMs, distanceText, durationText, etaText } from "../shared/time";
import { type MapKept, mapKept } from "./mapkept";
import type { Desk } from "./orders";
import type { StoredOrder } from "./stored";
import { openWay } from "./view";
import { signOf, type WayStep } from "./way";
import { t } from "./words";

// Marks for browser tests: way (data-loaded), way-open, way-map (data-state, data-got, data-of), way-step
// (data-maneuver), way-load.
export function WayList({ order, desk }: { order: StoredOrder; desk: Desk }) {
  const busy = useSignal(false);
  const { way } = order;

  async function load() {
    busy.value = true;
    await desk.loadWay(order).catch(toastError);
    busy.value = false;
  }

  const again = (
    <Button size="large" kind="quiet" busy={busy.value} data-testid="way-load" onClick={() => void load()}>
      {t(way ? "way.again" : "way.load")}
    </Button>
  );
  return (
    <section class="way" data-testid="way" data-loaded={way !== undefined}>
      {way?.line && (
        <Button size="large" icon="pin" data-testid="way-open" onClick={() => openWay(order.id)}>
          {t("way.open", { distance: distanceText(way.distance_m), time: etaText(way.duration_s) })}
        </Button>
      )}
      {way && (
        <details>
          <summary>{t("way.title")}</summary>
          <ol>
            {way.steps.map((step) => (
              <StepRow key={`${step.maneuver}${step.at_m}`} step={step} />
            ))}
          </ol>
          <p class="way-age">{t("way.age", { age: durationText(ageMs(way.computed_at)) })}</p>
          {again}
        </details>
      )}
      {way ? <MapState kept={mapKept.value[order.id]} /> : again}
    </section>
  );
}

/** What of the map around the way is here for the time without signal. */
function MapState({ kept }: { kept: MapKept | undefined }) {
  if (!kept) return null;
  const { got, of, state, small } = kept;
  return (
    <p class="way-age" role="status" data-testid="way-map" data-state={state} data-got={got} data-of={of}>
      {t(`way.map.${state}`, { got, of })}
      {small && ` ${t("way.map.small")}`}
    </p>
  );
}

export function StepRow({ step }: { step: WayStep }) {
  return (
    <li data-testid="way-step" data-maneuver={step.maneuver}>
      <span class="way-sign" aria-hidden="true">
        {signOf(step)}
      </span>
      <span>
        {step.text[language.value]}
        {step.cautions.map((caution) => (
          <em key={`${caution.hazard}${caution.at_m}`} data-hazard={caution.hazard}>
            {caution.text[language.value]}
          </em>
        ))}
      </span>
    </li>
  );
}
