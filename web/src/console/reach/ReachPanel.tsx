// How far units and stations get, and which villages are left out. Comes over the line when it is opened.
import type { Signal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { Topics } from "../../shared/components/Overlay";
import { conditionWords } from "../../shared/conditions";
import { theme } from "../../shared/theme";
import { ageMs, durationText, etaText, now } from "../../shared/time";
import { camera } from "../map/camera";
import { isOn, type Layer, setLayer } from "../map/tools/switches";
import { CoverNow } from "./CoverNow";
import { bandHex } from "./reach_layers";
import {
  answeredAtMs,
  askAgain,
  BANDS_MIN,
  type Coverage,
  computing,
  cover,
  coverage,
  coverageFrom,
  from,
  type Group,
  isochrones,
  LAYER_OF,
  LIMITS_MIN,
  likely,
  limitMin,
  MODES,
  mode,
  night,
  reachUnit,
  type Tally,
  type Topic,
  topic,
  VEHICLES,
  type VillageFeature,
  vehicle,
  villageName,
  WEATHERS,
  weather,
} from "./reach_store";
import { t } from "./words";

const TOPICS: Topic[] = ["isochrone", "coverage", "cover"];
const GROUPS: Group[] = ["stations", "units", "available"];
const WORST_LEN = 12;

export function ReachPanel({ onClose }: { onClose: () => void }) {
  return (
    <section class="reach" aria-label={t("title")} data-testid="reach" aria-busy={computing.value}>
      <header>
        <Topics
          label={t("show")}
          names={TOPICS}
          now={topic.value}
          words={t}
          marks="reach"
          onTopic={(name) => {
            topic.value = name;
          }}
        />
        <Button kind="quiet" size="small" icon="close" aria-label={t("close")} onClick={onClose} />
      </header>
      {topic.value === "cover" ? <CoverNow /> : <Reckoned isCoverage={topic.value === "coverage"} />}
      {topic.value !== "cover" && <Keep layer={LAYER_OF[topic.value]} />}
      <footer>
        <Age />
        <Button size="small" busy={computing.value} data-testid="reach-again" onClick={askAgain}>
          {t(computing.value ? "computing" : "again")}
        </Button>
      </footer>
    </section>
  );
}

/** What is reckoned for the choices that are made here. */
function Reckoned({ isCoverage }: { isCoverage: boolean }) {
  return (
    <>
      <div class="reach-choices">
        {isCoverage ? <Choice label="from" options={GROUPS} chosen={coverageFrom} /> : <From />}
        {isCoverage ? <Limit /> : <Likely />}
        <Choice label="vehicle" options={VEHICLES} chosen={vehicle} />
        <Choice label="mode" options={MODES} chosen={mode} />
        <Choice label="weather" options={WEATHERS} chosen={weather} />
        {weather.value !== "now" && <Night />}
      </div>
      {isCoverage ? <CoverageNumbers /> : <BandLegend />}
    </>
  );
}

/** Stays on the map when the panel is closed. */
function Keep({ layer }: { layer: Layer }) {
  return (
    <label class="reach-check">
      <input
        type="checkbox"
        data-testid="reach-keep"
        checked={isOn(layer)}
        onChange={(event) => setLayer(layer, event.currentTarget.checked)}
      />
      {t("keep")}
    </label>
  );
}

function From() {
  const unit = reachUnit.value;
  const chosen = from.value === "unit" && !unit ? "units" : from.value;
  return (
    <label class="field">
      <span>{t("from")}</span>
      <select
        class="input"
        data-testid="reach-from"
        value={chosen}
        onChange={(event) => {
          from.value = event.currentTarget.value as Group | "unit";
        }}
      >
        {unit && <option value="unit">{t("from.unit", { unit: unit.call_sign })}</option>}
        {GROUPS.map((name) => (
          <option key={name} value={name}>
            {t(`from.${name}`)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** One of a few words, which say themselves under "label.word". */
function Choice<L extends "from" | "vehicle" | "mode" | "weather", W extends string>({
  label,
  options,
  chosen,
}: {
  label: L;
  options: readonly W[];
  chosen: Signal<W>;
}) {
  return (
    <label class="field">
      <span>{t(label)}</span>
      <select
        class="input"
        data-testid={`reach-${label}`}
        value={chosen.value}
        onChange={(event) => {
          chosen.value = event.currentTarget.value as W;
        }}
      >
        {options.map((word) => (
          <option key={word} value={word}>
            {t.loose(`${label}.${word}`, {}, word)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Night() {
  return (
    <label class="reach-check">
      <input
        type="checkbox"
        data-testid="reach-night"
        checked={night.value}
        onChange={(event) => {
          night.value = event.currentTarget.checked;
        }}
      />
      {t("night")}
    </label>
  );
}

function Limit() {
  return (
    <label class="field">
      <span>{t("limit")}</span>
      <select
        class="input"
        data-testid="reach-limit"
        value={String(limitMin.value)}
        onChange={(event) => {
          limitMin.value = Number(event.currentTarget.value);
        }}
      >
        {LIMITS_MIN.map((minutes) => (
          <option key={minutes} value={String(minutes)}>
            {t("minutes", { minutes })}
          </option>
        ))}
      </select>
    </label>
  );
}

function Likely() {
  return (
    <label class="reach-check" title={t("likely.hint")}>
      <input
        type="checkbox"
        data-testid="reach-likely"
        checked={likely.value}
        onChange={(event) => {
          likely.value = event.currentTarget.checked;
        }}
      />
      {t("likely")}
    </label>
  );
}

function BandLegend() {
  const found = isochrones.value;
  if (found && found.sources.length === 0) return <p class="notice">{t("sources.none")}</p>;
  return (
    <ul class="reach-legend" aria-label={t("legend")}>
      {BANDS_MIN.map((minutes, nth) => {
        const band = found?.features[nth];
        return (
          <li key={minutes} data-testid="reach-band" data-minutes={minutes}>
            <i class="reach-swatch" style={{ background: bandHex(nth, theme.value) }} />
            {t("minutes", { minutes })}
            {band && (
              <span class="reach-number">{t("area", { area: Math.round(band.properties.area_km2) })}</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function CoverageNumbers() {
  const found = coverage.value;
  if (!found) return null;
  const rule = { minutes: found.minutes, likely: Math.round(found.likely * 100) };
  return (
    <>
      {found.sources.length === 0 && <p class="notice">{t("sources.none")}</p>}
      <p class="row-soft">{t("rule", rule)}</p>
      <Numbers found={found} />
      <ul class="reach-legend" aria-label={t("legend")}>
        {(["twice", "covered", "none"] as const).map((name) => (
          <li key={name}>
            <Mark name={name} />
            {t(name)}
          </li>
        ))}
      </ul>
      <Worst features={found.features} />
    </>
  );
}

function Numbers({ found }: { found: Coverage }) {
  const rows: [
    keyof Pick<Coverage, "villages" | "people" | "population_unknown">,
    "villages" | "people" | "unknown",
  ][] = [
    ["villages", "villages"],
    ["people", "people"],
    ["population_unknown", "unknown"],
  ];
  return (
    <table class="reach-table">
      <thead>
        <tr>
          <td />
          <th scope="col">{t("covered")}</th>
          <th scope="col">{t("twice")}</th>
        </tr>
      </thead>
      <tbody>
        {rows
          .filter(([key]) => key !== "population_unknown" || found[key].total > 0)
          .map(([key, words]) => (
            <tr key={key} data-testid={`reach-${key}`}>
              <th scope="row">{t(words)}</th>
              <Share tally={found[key]} part={found[key].covered} share={found[key].share} />
              <Share tally={found[key]} part={found[key].covered_twice} share={found[key].share_twice} />
            </tr>
          ))}
      </tbody>
    </table>
  );
}

function Share({ tally, part, share }: { tally: Tally; part: number; share: number | null }) {
  return (
    <td>
      <b>{share === null ? "–" : `${Math.floor(share * 100)} %`}</b>
      <small>
        {t("row.of", { part: part.toLocaleString("en"), total: tally.total.toLocaleString("en") })}
      </small>
    </td>
  );
}

function Mark({ name }: { name: "twice" | "covered" | "none" }) {
  return (
    <svg width="16" height="14" viewBox="0 0 16 14" class="reach-mark" data-mark={name} aria-hidden="true">
      {name === "none" ? <path d="M8 1 15 13H1z" /> : <circle cx="8" cy="7" r="5" />}
    </svg>
  );
}

function Worst({ features }: { features: VillageFeature[] }) {
  const lateness = ({ properties }: VillageFeature) => properties.p90_s ?? Number.POSITIVE_INFINITY;
  const worst = features
    .filter(({ properties }) => properties.units_in_time === 0)
    .sort((a, b) => lateness(b) - lateness(a) || 0)
    .slice(0, WORST_LEN);
  if (worst.length === 0) return <p class="row-soft">{t("worst.none")}</p>;
  return (
    <details>
      <summary>{t("worst")}</summary>
      <ul class="reach-worst">
        {worst.map(({ properties, geometry }) => (
          <li key={`${properties.name}${geometry.coordinates}`}>
            <button type="button" onClick={() => camera.goTo(...geometry.coordinates)}>
              <b>{villageName(properties)}</b>
              <span>
                {properties.p90_s === null
                  ? t("worst.never")
                  : t("worst.by", { time: etaText(properties.p90_s) })}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Age() {
  now.value; // counts up
  if (topic.value === "cover" && cover.value)
    return <span class="row-soft">{t("cover.at", { age: durationText(ageMs(cover.value.at)) })}</span>;
  const found = topic.value === "coverage" ? coverage.value : isochrones.value;
  if (!found) return <span class="row-soft" />;
  const count = found.sources.length;
  return (
    <span class="row-soft">
      {t("sources", { count })} · {conditionWords(found.condition)} ·{" "}
      {t("age", { age: durationText(Date.now() - answeredAtMs.value) })}
    </span>
  );
}
