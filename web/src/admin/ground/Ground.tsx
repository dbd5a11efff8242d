// The ground that everything is computed on: the map in force, what drives taught of it, and what differs from it
// now.
//
// Marks for browser tests: ground-map, ground-<subject> (data-active), ground-version (data-version), ground-activate,
// ground-learn, ground-alone, ground-running.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { mapInfo } from "../../shared/api";
import { Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import { conditionWords } from "../../shared/conditions";
import type { MapInfo, RoadCondition, RoadState } from "../../shared/types";
import * as api from "./api";
import { Learned } from "./Learned";
import { t } from "./words";

export function Ground() {
  return (
    <>
      <header class="admin-head">
        <h2>{t("ground.title")}</h2>
      </header>
      <p class="admin-about">{t("ground.about")}</p>
      <div class="admin-cards">
        <div class="admin-column">
          <MapCard />
          <Running />
        </div>
        <div class="admin-column">
          <Learned of="learning" />
          <Learned of="zones" />
        </div>
      </div>
    </>
  );
}

function MapCard() {
  const info = useSignal<MapInfo | null>(null);
  useEffect(() => {
    mapInfo().then((found) => {
      info.value = found;
    }, toastError);
  }, []);
  if (!info.value) return <section class="admin-card">{t("app.loading")}</section>;
  const { name, id, bounds, synthetic, attribution } = info.value;
  const [west, south, east, north] = bounds.map((each) => each.toFixed(3));
  return (
    <section class="admin-card" aria-label={t("ground.map")} data-testid="ground-map">
      <h3>{t("ground.map")}</h3>
      <p>
        <b>{name}</b>
        {synthetic && <span class="admin-state">{t("ground.synthetic")}</span>}
      </p>
      <p class="admin-fact">{t("ground.bounds", { south, north, west, east } as Record<string, string>)}</p>
      <p class="admin-fact">{attribution}</p>
      <p class="admin-fact">
        {t("ground.id")}
        <code>{id.slice(0, 16)}</code>
      </p>
      <p class="admin-soft">{t("ground.another")}</p>
    </section>
  );
}

function Running() {
  const closures = useSignal<RoadState[]>([]);
  const conditions = useSignal<RoadCondition[]>([]);
  useEffect(() => {
    Promise.all([api.closures(), api.conditions()]).then(([roads, weather]) => {
      closures.value = roads.filter(({ ended_at }) => ended_at === null);
      conditions.value = weather.filter(({ ended_at }) => ended_at === null);
    }, toastError);
  }, []);
  const none = closures.value.length + conditions.value.length === 0;
  return (
    <section class="admin-card" aria-label={t("ground.running")} data-testid="ground-running">
      <h3>{t("ground.running")}</h3>
      {none && <p class="admin-soft">{t("ground.running.none")}</p>}
      <ul class="ground-list">
        {conditions.value.map((each) => (
          <Spell key={each.id} what={conditionWords(each.condition)} spell={each} />
        ))}
        {closures.value.map((each) => (
          <Spell key={each.id} what={t(`ground.${each.state}`)} spell={each} />
        ))}
      </ul>
      <p class="admin-soft">{t("ground.running.where")}</p>
    </section>
  );
}

function Spell({ what, spell }: { what: string; spell: RoadState | RoadCondition }) {
  const { place, reason, set_by, starts_at, expires_at } = spell;
  return (
    <li>
      <b>{what}</b> {place || t("ground.county")}
      <span class="admin-soft">
        <Time at={starts_at} seconds={false} /> –{" "}
        {expires_at ? <Time at={expires_at} seconds={false} /> : "…"} · {set_by.replace(/^user:/, "")}
        {reason && ` · ${reason}`}
      </span>
    </li>
  );
}
