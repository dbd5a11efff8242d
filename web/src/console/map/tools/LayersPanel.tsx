// What the map shows: each layer with its switch, and its legend where it is on.
//
// Marks for browser tests: layers, layer-<name>, legend-<name>; those of the legends stand in Legends.tsx.
import type { ComponentType } from "preact";
import { Button } from "../../../shared/components/Button";
import { mapPanel } from "../../store";
import {
  CoverageLegend,
  EnduranceLegend,
  LearnedLegend,
  ReachLegend,
  RoadsLegend,
  RoutesLegend,
  TrailLegend,
  ZonesLegend,
} from "./Legends";
import { GROUPS, isOn, type Layer, setLayer } from "./switches";
import { t } from "./words";

const LEGENDS: Partial<Record<Layer, ComponentType>> = {
  routes: RoutesLegend,
  trail: TrailLegend,
  reach: ReachLegend,
  coverage: CoverageLegend,
  zones: ZonesLegend,
  roads: RoadsLegend,
  learned: LearnedLegend,
  endurance: EnduranceLegend,
};

export function LayersPanel() {
  return (
    <section class="reach layers" aria-label={t("layers.title")} data-testid="layers">
      <header>
        <b>{t("layers.title")}</b>
        <Button kind="quiet" size="small" icon="close" aria-label={t("layers.close")} onClick={close} />
      </header>
      {(Object.keys(GROUPS) as (keyof typeof GROUPS)[]).map((group) => (
        <fieldset key={group}>
          <legend class="group-title">{t(`layers.${group}`)}</legend>
          {GROUPS[group].map((layer) => (
            <Row key={layer} layer={layer} />
          ))}
        </fieldset>
      ))}
    </section>
  );
}

function close(): void {
  mapPanel.value = null;
}

function Row({ layer }: { layer: Layer }) {
  const on = isOn(layer);
  const Legend = LEGENDS[layer];
  return (
    <div class="layer">
      <label class="reach-check">
        <input
          type="checkbox"
          data-testid={`layer-${layer}`}
          checked={on}
          onChange={(event) => setLayer(layer, event.currentTarget.checked)}
        />
        {t(`layer.${layer}`)}
      </label>
      {on && Legend && (
        <div class="layer-legend" data-testid={`legend-${layer}`}>
          <Legend />
        </div>
      )}
    </div>
  );
}
