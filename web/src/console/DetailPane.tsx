import { useSignal } from "@preact/signals";
import { batteryLevel } from "../shared/components/Battery";
import { Button } from "../shared/components/Button";
import { Icon } from "../shared/components/Icon";
import { laterStyles, lazy, onceLoaded } from "../shared/lazy";
import { durationText } from "../shared/time";
import type { Unit } from "../shared/types";
import { openUnit } from "./commands";
import { emptyWords } from "./feed";
import { screen } from "./screen";
import { isStale, positionAgeS, selectedIncident, selectedUnit, unitsByName } from "./store";
import { t } from "./words";

const details = () => import("./details");
const IncidentDetail = lazy(() => details().then((part) => part.IncidentDetail));
const UnitDetail = lazy(() => details().then((part) => part.UnitDetail));
export const NewIncident = lazy(() => details().then((part) => part.NewIncident));
export const UnitList = lazy(() => details().then((part) => part.UnitList));

/** Have the details before they are asked for: the link may be gone by then. */
export function fetchDetails(): void {
  onceLoaded(async () => {
    const [{ announceTakeovers }] = await Promise.all([details(), laterStyles()]);
    announceTakeovers();
  });
}

export function DetailPane() {
  const incident = selectedIncident.value;
  const unit = selectedUnit.value;
  const Pane = screen === "lists" ? "main" : "aside"; // beside the map, the map is the main thing
  return (
    <Pane class="right" data-testid="detail" aria-label={t("tab.detail")}>
      {incident ? (
        <IncidentDetail key={incident.id} incident={incident} />
      ) : unit ? (
        <UnitDetail unit={unit} />
      ) : (
        <Nothing />
      )}
    </Pane>
  );
}

function Nothing() {
  const troubled = unitsByName.value.flatMap((unit) => trouble(unit).map((words) => ({ unit, words })));
  const all = useSignal(false);
  const shown = all.value ? troubled : troubled.slice(0, ATTENTION_FIRST);
  return (
    <div class="scroll nothing">
      <p class="nothing-title">{t("detail.none")}</p>
      <p class="row-soft">{t("detail.none.hint")}</p>
      <h2 class="group-title">{t("detail.attention")}</h2>
      {troubled.length === 0 && <p class="row-soft">{emptyWords(t("detail.attention.none"))}</p>}
      <ul>
        {shown.map(({ unit, words }) => (
          <li key={`${unit.id}${words}`}>
            <button type="button" class="row attention" onClick={() => openUnit(unit)}>
              <Icon name={unit.kind} size={15} />
              <b>{unit.call_sign}</b>
              <span>{words}</span>
            </button>
          </li>
        ))}
      </ul>
      {troubled.length > shown.length && (
        <Button
          kind="quiet"
          size="small"
          onClick={() => {
            all.value = true;
          }}
        >
          {t("detail.all", { count: troubled.length })}
        </Button>
      )}
    </div>
  );
}

const ATTENTION_FIRST = 12;

/** What a dispatcher would want to know of a unit on duty before something happens. */
function trouble(unit: Unit): string[] {
  if (unit.status === "off_duty") return [];
  const found = unit.devices
    .filter(
      ({ kind, charging, battery_pct }) =>
        kind !== "vehicle" && !charging && batteryLevel(battery_pct) === "critical",
    )
    .map(({ kind, battery_pct }) =>
      t("attention.battery", { device: t(`device.${kind}`), pct: battery_pct ?? 0 }),
    );
  if (isStale(unit)) {
    const age = positionAgeS(unit);
    found.push(
      age === null ? t("units.no_position") : t("attention.silent", { age: durationText(age * 1000) }),
    );
  }
  return found;
}
