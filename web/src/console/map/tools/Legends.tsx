// The legends of the layers: the very signs that are on the map, in words, with what can be chosen.
//
// Marks for browser tests: trail-minutes, trail-words, reach-choices, coverage-limit, coverage-share, learned-mode,
// learned-words, endurance-row.
import type { ComponentChildren } from "preact";
import { Button } from "../../../shared/components/Button";
import { palettes } from "../../../shared/map/palette";
import { theme } from "../../../shared/theme";
import { durationText } from "../../../shared/time";
import { openUnit } from "../../commands";
import { bandHex } from "../../reach/reach_layers";
import {
  BANDS_MIN,
  coverage,
  coverageBusy,
  isochrones,
  LIMITS_MIN,
  limitMin,
  reachBusy,
  topic,
} from "../../reach/reach_store";
import { type MapPanel, mapPanel, selectedUnit, units } from "../../store";
import { zoneHex } from "../../zones/zone_layers";
import { Choice } from "./Choice";
import { markWords, type Worst, worst } from "./endurance";
import { pctWords, STEPS, SURE_PCT } from "./learned_layer";
import { learned, MODES, mode } from "./learned_store";
import { MINUTES, minutes, type Path, paths } from "./trail_store";
import { t } from "./words";

const WORST_LEN = 6;

function Sign({ children }: { children: ComponentChildren }) {
  return (
    <svg width="30" height="14" viewBox="0 0 30 14" aria-hidden="true">
      {children}
    </svg>
  );
}

const Entry = ({ sign, words }: { sign: ComponentChildren; words: string }) => (
  <li>
    <Sign>{sign}</Sign>
    {words}
  </li>
);

const Entries = ({ children }: { children: ComponentChildren }) => <ul class="reach-legend">{children}</ul>;

function More({ panel, then }: { panel: MapPanel; then?: () => void }) {
  return (
    <Button
      size="small"
      data-testid={`${panel}-choices`}
      onClick={() => {
        then?.();
        mapPanel.value = panel;
      }}
    >
      {t(panel === "zones" ? "layers.list" : "layers.more")}
    </Button>
  );
}

export function RoutesLegend() {
  const { route } = palettes[theme.value];
  return (
    <Entries>
      <Entry sign={<path d="M1 7h28" stroke={route} stroke-width="4" />} words={t("routes.line")} />
    </Entries>
  );
}

export function TrailLegend() {
  const { trail, paper } = palettes[theme.value];
  const unit = selectedUnit.value;
  return (
    <>
      <p class="row-soft" data-testid="trail-words">
        {unit ? trailWords(paths.value, unit.call_sign) : t("trail.none_selected")}
      </p>
      <Entries>
        <Entry sign={<path d="M1 7h28" stroke={trail} stroke-width="3" />} words={t("trail.driven")} />
        <Entry
          sign={
            <>
              <path d="M1 7h28" stroke={trail} stroke-width="6" />
              <path d="M1 7h28" stroke={paper} stroke-width="2.5" />
            </>
          }
          words={t("trail.late")}
        />
        <Entry
          sign={
            <path d="M2 7h27" stroke={trail} stroke-width="2" stroke-dasharray="1 6" stroke-linecap="round" />
          }
          words={t("trail.gap")}
        />
      </Entries>
      <Choice mark="trail-minutes" label="minutes" options={MINUTES} chosen={minutes} />
    </>
  );
}

function trailWords(found: Path[], unit: string): string {
  if (found.length === 0) return t("trail.nothing", { unit, minutes: minutes.value });
  const fixes = found.flatMap(({ pieces }) => pieces.flat());
  const gaps = found.reduce((sum, { pieces }) => sum + pieces.length - 1, 0);
  const late = fixes.filter((fix) => fix.late).length;
  return [
    t("trail.fixes", { unit, count: fixes.length, devices: found.length }),
    gaps ? t("trail.gaps", { count: gaps }) : "",
    late ? t("trail.lates", { count: late }) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

export function ReachLegend() {
  const found = isochrones.value;
  const names = found?.sources.map(({ name }) => name).filter(Boolean) ?? [];
  const from = names.length === 1 ? names[0] : t("reach.places", { count: names.length });
  return (
    <>
      {found ? (
        <p class="row-soft">{t("reach.from", { from: from ?? "" })}</p>
      ) : (
        reachBusy.value && <Computing />
      )}
      <Entries>
        {BANDS_MIN.map((limit, nth) => (
          <Entry
            key={limit}
            sign={<path d="M1 7h28" stroke={bandHex(nth, theme.value)} stroke-width="11" />}
            words={t("min", { minutes: limit })}
          />
        ))}
      </Entries>
      <More
        panel="reach"
        then={() => {
          topic.value = "isochrone";
        }}
      />
    </>
  );
}

const Computing = () => (
  <p class="row-soft" role="status">
    {t("computing")}
  </p>
);

export function CoverageLegend() {
  const found = coverage.value;
  const percent = (share: number | null) => (share === null ? "–" : `${Math.floor(share * 100)} %`);
  return (
    <>
      {found ? (
        <p class="row-soft" data-testid="coverage-share">
          {t("coverage.share", {
            minutes: found.minutes,
            people: percent(found.people.share),
            villages: `${found.villages.covered}/${found.villages.total}`,
          })}
        </p>
      ) : (
        coverageBusy.value && <Computing />
      )}
      <ul class="reach-legend">
        {(["twice", "covered", "none"] as const).map((name) => (
          <li key={name}>
            <svg
              width="30"
              height="14"
              viewBox="-7 0 30 14"
              class="reach-mark"
              data-mark={name}
              aria-hidden="true"
            >
              {name === "none" ? <path d="M8 1 15 13H1z" /> : <circle cx="8" cy="7" r="5" />}
            </svg>
            {t(`coverage.${name}`)}
          </li>
        ))}
      </ul>
      <div class="layer-choices">
        <Choice mark="coverage-limit" label="limit" options={LIMITS_MIN} chosen={limitMin} />
        <More
          panel="reach"
          then={() => {
            topic.value = "coverage";
          }}
        />
      </div>
    </>
  );
}

export function ZonesLegend() {
  const hex = zoneHex(theme.value);
  return (
    <>
      <Entries>
        <Entry
          sign={
            <>
              <path d="M0 7h30" stroke={hex} stroke-width="13" opacity="0.38" />
              <path d="M2 7h26" stroke={hex} stroke-width="3" stroke-dasharray="1 7" stroke-linecap="round" />
            </>
          }
          words={t("zones.line")}
        />
      </Entries>
      <More panel="zones" />
    </>
  );
}

export function RoadsLegend() {
  const { priority } = palettes[theme.value];
  return (
    <Entries>
      <Entry
        sign={<path d="M1 7h28" stroke={priority.emergency} stroke-width="5" stroke-dasharray="8 4" />}
        words={t("roads.closed")}
      />
      <Entry
        sign={<path d="M1 7h28" stroke={priority.priority} stroke-width="5" />}
        words={t("roads.slow")}
      />
      <Entry
        sign={<path d="M1 7h28" stroke={priority.emergency} stroke-width="2.5" stroke-dasharray="2 4" />}
        words={t("roads.scheduled")}
      />
      <Entry
        sign={
          <>
            <path
              d="M3 13 13 1M11 13 21 1M19 13 29 1"
              stroke={priority.routine}
              stroke-width="1.4"
              opacity="0.6"
            />
            <rect
              x="1"
              y="1"
              width="28"
              height="12"
              fill="none"
              stroke={priority.routine}
              stroke-dasharray="5 3"
            />
          </>
        }
        words={t("roads.weather")}
      />
    </Entries>
  );
}

export function LearnedLegend() {
  const found = learned.value;
  const words = !found
    ? ""
    : found.version === null
      ? t("learned.none")
      : [
          t("learned.version", { version: found.version, count: found.lines.length }),
          found.left_out ? t("learned.left_out", { count: found.left_out }) : "",
        ]
          .filter(Boolean)
          .join(" · ");
  return (
    <>
      <p class="row-soft" data-testid="learned-words">
        {words}
      </p>
      <Entries>
        {STEPS.map(({ name, hex, dash }, nth) => (
          <Entry
            key={name}
            sign={
              <path
                d="M1 7h28"
                stroke={hex[theme.value]}
                stroke-width="4"
                stroke-dasharray={dash?.join(" ")}
              />
            }
            words={stepWords(nth)}
          />
        ))}
        <Entry
          sign={
            <path d="M1 7h28" stroke={STEPS[1].hex[theme.value]} stroke-width="2" stroke-dasharray="9 4" />
          }
          words={t("learned.unsure", { pct: SURE_PCT })}
        />
      </Entries>
      <p class="row-soft">{t("learned.click")}</p>
      <Choice mark="learned-mode" label="mode" options={MODES} chosen={mode} />
    </>
  );
}

function stepWords(nth: number): string {
  const step = STEPS[nth];
  if (!step) return "";
  const next = STEPS[nth - 1];
  switch (step.name) {
    case "much_slower":
    case "slower":
      return t(`learned.${step.name}`, { pct: pctWords(step.from) });
    case "as_modelled":
      return t("learned.as_modelled", { pct: Math.abs(step.from) });
    default:
      return t(`learned.${step.name}`, { pct: pctWords(next?.from ?? 0) });
  }
}

export function EnduranceLegend() {
  const found = worst.value;
  return (
    <>
      <ul class="endurance-marks">
        {(["soon", "short", "lasts", "charging", "unknown"] as const).map((standing) => (
          <li key={standing}>
            <Pill one={{ standing, p50: EXAMPLE_MIN[standing] }} />
            {t(`endurance.${standing}`)}
          </li>
        ))}
      </ul>
      {found.length > 0 && (
        <table class="reach-table">
          <caption class="group-title">{t("endurance.first")}</caption>
          <tbody>
            {found.slice(0, WORST_LEN).map((one) => (
              <tr key={one.unitId} data-testid="endurance-row" data-standing={one.standing}>
                <th scope="row">
                  <button type="button" class="place-link" onClick={() => go(one)}>
                    {one.callSign}
                  </button>
                </th>
                <td>
                  <Pill one={one} />
                </td>
                <td class="row-soft">{rangeWords(one)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

const EXAMPLE_MIN = { soon: 40, short: 130, lasts: 600, charging: null, unknown: null };

function Pill({ one }: { one: Pick<Worst, "standing" | "p50"> }) {
  return (
    <span class="endurance-pill" data-standing={one.standing}>
      {markWords(one)}
    </span>
  );
}

function rangeWords({ kind, p10, p90 }: Worst): string {
  const device = t(`device.${kind}`);
  if (p10 === null || p90 === null) return device;
  return `${device} · ${durationText(p10 * 60_000)} – ${durationText(p90 * 60_000)}`;
}

function go({ unitId }: Worst): void {
  const unit = units.peek().get(unitId);
  if (unit) openUnit(unit);
}
