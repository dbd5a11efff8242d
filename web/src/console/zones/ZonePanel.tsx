// Where radio ends: the zones on the map, with the passages behind them; a supervisor judges them.
// Comes over the line when it is opened.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { language } from "../../shared/i18n";
import { theme } from "../../shared/theme";
import { camera } from "../map/camera";
import { user } from "../store";
import { t } from "./words";
import { zoneHex } from "./zone_layers";
import { askZones, busy, chosen, judge, type Standing, sorted, type Zone, zones } from "./zone_store";

const STANDINGS: Standing[] = ["learned", "confirmed", "dismissed"];
const REASON_LEN_MAX = 500;

export function ZonePanel({ onClose }: { onClose: () => void }) {
  return (
    <section class="reach" aria-label={t("title")} data-testid="zones" aria-busy={busy.value}>
      <header>
        <b>{t("title")}</b>
        <Button kind="quiet" size="small" icon="close" aria-label={t("close")} onClick={onClose} />
      </header>
      {zones.value && <Found />}
      <footer>
        <span class="row-soft">{summary()}</span>
        <Button size="small" busy={busy.value} onClick={() => void askZones()}>
          {t("again")}
        </Button>
      </footer>
    </section>
  );
}

function summary(): string {
  const inForce = sorted.value.filter(({ properties }) => properties.standing !== "dismissed");
  const km = inForce.reduce((sum, { properties }) => sum + properties.length_km, 0).toFixed(1);
  return t(inForce.length === 1 ? "count.one" : "count.many", { n: inForce.length, km });
}

function Found() {
  if (sorted.value.length === 0) return <p class="notice">{t("none")}</p>;
  return (
    <>
      <ul class="reach-legend" aria-label={t("legend")}>
        {STANDINGS.map((standing) => (
          <li key={standing}>
            <Sign standing={standing} />
            {t(`standing.${standing}`)}
          </li>
        ))}
      </ul>
      <ul class="zone-list" aria-label={t("list")}>
        {sorted.value.map((zone) => (
          <li key={zone.id}>
            <ZoneRow zone={zone} />
          </li>
        ))}
      </ul>
    </>
  );
}

function ZoneRow({ zone }: { zone: Zone }) {
  const { place, standing, length_km, passages, silences } = zone.properties;
  const isChosen = chosen.value === zone.id;
  return (
    <>
      <button
        type="button"
        class="zone-row"
        data-testid="zone-row"
        data-standing={standing}
        aria-expanded={isChosen}
        onClick={() => {
          chosen.value = isChosen ? null : zone.id;
          const line = zone.geometry.coordinates[0];
          const [lon, lat] = line?.[line.length >> 1] ?? [];
          if (!isChosen && lon !== undefined && lat !== undefined) camera.goTo(lon, lat);
        }}
      >
        <b>{place[language.value]}</b>
        <span>
          {t("length", { km: length_km.toFixed(1) })} ·{" "}
          {passages ? t("passages", { passages, silences }) : t("passages.none")}
        </span>
      </button>
      {isChosen && <ZoneDetail zone={zone} />}
    </>
  );
}

function ZoneDetail({ zone }: { zone: Zone }) {
  const { doors, standing } = zone.properties;
  return (
    <div class="zone-detail" data-testid="zone-detail">
      <p class="row-soft">{t(`standing.${standing}`)}</p>
      <p>
        {t("doors")}
        {language.value === "zh" ? "：" : ": "}
        {doors.map(({ place }) => place[language.value]).join(language.value === "zh" ? "、" : ", ")}
      </p>
      {user.value?.roles.some((role) => role === "supervisor" || role === "admin") && <Judge zone={zone} />}
    </div>
  );
}

function Judge({ zone }: { zone: Zone }) {
  const reason = useSignal("");
  const { standing } = zone.properties;
  const choices = (["confirmed", "dismissed", "withdrawn"] as const).filter((verdict) =>
    verdict === "withdrawn" ? standing !== "learned" : verdict !== standing,
  );
  return (
    <div class="zone-judge">
      <label class="field">
        <span>{t("reason")}</span>
        <input
          class="input"
          data-testid="zone-reason"
          maxLength={REASON_LEN_MAX}
          value={reason.value}
          onInput={(event) => {
            reason.value = event.currentTarget.value;
          }}
        />
      </label>
      <div class="zone-verdicts">
        {choices.map((verdict) => (
          <Button
            key={verdict}
            size="small"
            disabled={!reason.value.trim()}
            busy={busy.value}
            data-testid={`zone-${verdict}`}
            onClick={() => void judge(zone.id, verdict, reason.value.trim())}
          >
            {t(verdict)}
          </Button>
        ))}
      </div>
    </div>
  );
}

function Sign({ standing }: { standing: Standing }) {
  const hex = zoneHex(theme.value);
  const faint = standing === "dismissed";
  return (
    <svg width="28" height="14" aria-hidden="true">
      <path d="M0 7h28" stroke={hex} stroke-width="13" opacity={faint ? 0.12 : 0.38} />
      <path
        d="M2 7h24"
        stroke={hex}
        stroke-width={faint ? 1 : 3}
        stroke-linecap="round"
        stroke-dasharray={standing === "confirmed" ? undefined : faint ? "1 12" : "1 7"}
      />
    </svg>
  );
}
