// Calls for help above everything else: nothing on this page is more urgent.

import { Button } from "../shared/components/Button";
import { Icon } from "../shared/components/Icon";
import { Age, Time } from "../shared/components/Time";
import { ageMs, durationText, etaText } from "../shared/time";
import type { SosCall } from "../shared/types";
import { cap } from "./keys/table";
import { acknowledge, nearestUnits, openCall, placeOnMap, unacknowledged } from "./sos";
import { blocked } from "./sound";
import { sosCalls } from "./store";
import { actorWords, listWords, officerWords, t } from "./words";

/** A call that took longer than this to arrive says so. */
const LATE_MS = 30_000;

export function SosBanner() {
  if (sosCalls.value.length === 0) return null;
  return (
    <section
      class="sos"
      aria-label={t("sos.title")}
      data-testid="sos-banner"
      data-open={unacknowledged.value.length}
    >
      {blocked.value && unacknowledged.value.length > 0 && (
        <p class="sos-muted" role="alert">
          {t("sos.blocked")}
        </p>
      )}
      {sosCalls.value.map((call) => (
        <Call key={call.id} call={call} first={call === unacknowledged.value[0]} />
      ))}
    </section>
  );
}

function Call({ call, first }: { call: SosCall; first: boolean }) {
  const seen = call.acknowledged_at !== null;
  const officer = call.officer_name
    ? officerWords({ name: call.officer_name, badge: call.badge })
    : call.badge;
  const who = [call.call_sign ?? call.device_id, officer].filter(Boolean).join(" · ");
  return (
    <article class="sos-call" data-testid="sos-call" data-seen={seen}>
      <Icon name="alert" size={28} />
      <div class="sos-what">
        <strong role="alert">
          {t("sos.needs_help")} <span data-testid="sos-who">{who}</span>
        </strong>
        <span>
          <Time at={call.raised_at ?? call.received_at} /> · <Age at={call.raised_at ?? call.received_at} />
          {lateness(call)}
          {call.battery_pct !== null && ` · ${t(`device.${call.device_kind}`)} ${call.battery_pct} %`}
        </span>
        <span data-testid="sos-where">{whereWords(call)}</span>
        {call.note && <q>{call.note}</q>}
        {call.withdrawn_at && (
          <em data-testid="sos-withdrawn">
            {t("sos.withdrawn", { age: durationText(ageMs(call.withdrawn_at)) })}
            {call.withdrawn_note && ` “${call.withdrawn_note}”`}
          </em>
        )}
        {seen && call.acknowledged_by && (
          <span>{t("sos.seen", { name: actorWords(call.acknowledged_by) })}</span>
        )}
      </div>
      {call.incident_id && <Nearest call={call} />}
      <div class="sos-actions">
        {!call.incident_id && (
          <Button size="large" data-testid="sos-place" onClick={() => placeOnMap(call)}>
            {t("sos.place")}
          </Button>
        )}
        {!seen && (
          <Button
            size="large"
            kind="danger"
            {...(first ? { cap: cap("acknowledge") } : {})}
            data-testid="sos-acknowledge"
            onClick={() => void acknowledge(call)}
          >
            {t("sos.acknowledge")}
          </Button>
        )}
      </div>
    </article>
  );
}

function Nearest({ call }: { call: SosCall }) {
  const units = nearestUnits(call);
  const words = units?.map(({ call_sign, eta_s }) =>
    eta_s === null ? `${call_sign} (${t("rec.unreachable")})` : `${call_sign} ${etaText(eta_s)}`,
  );
  return (
    <button type="button" class="sos-nearest" data-testid="sos-nearest" onClick={() => openCall(call)}>
      <b>{t("sos.nearest")}</b>{" "}
      {words === undefined ? t("rec.computing") : words.length ? listWords(words) : t("rec.none")}
    </button>
  );
}

/** A call from a dead zone comes late, and must not look fresh. */
function lateness({ raised_at, received_at }: SosCall): string {
  const lateMs = raised_at ? Date.parse(received_at) - Date.parse(raised_at) : 0;
  return lateMs > LATE_MS ? ` · ${t("sos.late", { time: durationText(lateMs) })}` : "";
}

function whereWords(call: SosCall): string {
  if (call.position_at === null) return call.place ?? t("sos.nowhere");
  const age = durationText(ageMs(call.position_at));
  const place = call.place ?? t("sos.off_map");
  return t("sos.where", { place, age });
}
