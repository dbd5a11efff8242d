// The way on the screen: the next turn big on top, the map below it, and how far it still is. Everything on
// it is on this handset; what the network does changes only whether another way can be asked for.
//
// Marks for browser tests: route (data-off, data-off-m, data-arrived, data-at-m), route-next (data-maneuver, data-bend),
// route-distance, route-alert (data-kind), route-map (data-ready, data-kept, data-fetched, data-enlarged,
// data-none), route-left, route-eta, route-list, route-sound, route-overview, route-close, route-said,
// route-step-en_route, route-step-on_scene.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { toastError } from "../../shared/components/Toast";
import { language } from "../../shared/i18n";
import { distanceText, etaText, localTime, now } from "../../shared/time";
import { distanceM, octant } from "../bearing";
import { linkState } from "../link";
import { type Desk, endedBy, isOver, orders } from "../orders";
import { lastFix } from "../sensors";
import { answerOf, type StoredOrder } from "../stored";
import { closeWay } from "../view";
import { StepRow } from "../WayList";
import { signOf, type Way } from "../way";
import { Guide, setSound, sound } from "./guide";
import { createRouteMap, type RouteMap, type Self } from "./map";
import { mapInfo } from "./mapinfo";
import type { Progress } from "./progress";
import { SoundIcon } from "./SoundIcon";
import { supplied } from "./supply";
import { t } from "./words";

/** Dead zones further ahead than this are not news yet. */
const SILENCE_AHEAD_M = 5_000;
/** Standing, a heading means nothing. */
const HEADING_MPS = 1.5;

export function RoutePage({ desk, orderId }: { desk: Desk; orderId: string }) {
  const guide = useMemo(() => new Guide(desk, orderId), [orderId]);
  useEffect(() => () => guide.stop(), [guide]);
  const order = guide.order.value;
  const way = order?.way;
  const gone = !order || !way?.line || isOver(order) || endedBy(order) !== "";
  useEffect(() => {
    if (gone) closeWay();
  }, [gone]);
  const listed = useSignal(false);
  if (!order || !way?.line) return null;
  const progress = guide.progress.value;
  return (
    <section
      class="route"
      aria-label={t("route.title", { place: order.body.incident.place })}
      data-testid="route"
      data-off={progress?.off ?? false}
      data-arrived={progress?.arrived ?? false}
      data-at-m={progress ? Math.round(progress.place.at_m) : ""}
      data-off-m={progress ? Math.round(progress.place.off_m) : ""}
    >
      <NextTurn way={way} order={order} progress={progress} />
      <Alerts way={way} order={order} guide={guide} />
      <div class="route-ground">
        <RouteGround guide={guide} order={order} hidden={listed.value} />
        {listed.value && (
          <ol class="route-steps way">
            {way.steps.map((step) => (
              <StepRow key={`${step.maneuver}${step.at_m}`} step={step} />
            ))}
          </ol>
        )}
      </div>
      <Foot
        guide={guide}
        desk={desk}
        order={order}
        listed={listed.value}
        onList={() => {
          listed.value = !listed.value;
        }}
      />
    </section>
  );
}

function NextTurn({ way, order, progress }: { way: Way; order: StoredOrder; progress: Progress | null }) {
  const next = progress?.next ?? way.steps[0];
  if (!next) return null;
  if (progress?.off) return <BackToWay progress={progress} />;
  if (progress?.arrived) return <Arrived order={order} />;
  const toM = progress ? progress.toNextM : 0;
  return (
    <header class="route-next" data-testid="route-next" data-maneuver={next.maneuver} data-bend={next.bend}>
      <span class="route-sign" aria-hidden="true">
        {signOf(next)}
      </span>
      <span class="route-told">
        <strong data-testid="route-distance">
          {progress ? (toM < 15 ? t("route.now") : distanceText(toM)) : t("route.waiting")}
        </strong>
        <b>{next.act[language.value]}</b>
      </span>
    </header>
  );
}

/** By the compass, as the map lies. */
const COMPASS = ["↑", "↗", "→", "↘", "↓", "↙", "←", "↖"];

function BackToWay({ progress: { place } }: { progress: Progress }) {
  const here = lastFix.value;
  if (!here) return null;
  const eighth = octant(here, place);
  return (
    <header class="route-next" data-testid="route-next" data-maneuver="back">
      <span class="route-sign" aria-hidden="true">
        {COMPASS[eighth]}
      </span>
      <span class="route-told">
        <strong data-testid="route-distance">{distanceText(place.off_m)}</strong>
        <b>{t("route.back", { direction: t(`direction.${eighth}` as "direction.0") })}</b>
      </span>
    </header>
  );
}

function Arrived({ order }: { order: StoredOrder }) {
  const here = lastFix.value;
  const scene = order.body.incident;
  return (
    <header class="route-next" data-testid="route-next" data-maneuver="arrive">
      <span class="route-sign" aria-hidden="true">
        ◎
      </span>
      <span class="route-told">
        <strong>{t("route.arrived")}</strong>
        {here && (
          <b>
            {t("route.arrived.walk", {
              distance: distanceText(distanceM(here, scene)),
              direction: t(`direction.${octant(here, scene)}` as "direction.0"),
            })}
          </b>
        )}
      </span>
    </header>
  );
}

/** What matters more than the next turn, if anything does; the first of them only. */
function Alerts({ way, order, guide }: { way: Way; order: StoredOrder; guide: Guide }) {
  const progress = guide.progress.value;
  if (orders.value.some((each) => waits(each, order)))
    return (
      <p class="route-alert" data-kind="waits" data-testid="route-alert" role="status">
        <span>{t("route.waits")}</span>
        <Button size="small" onClick={closeWay}>
          {t("route.waits.see")}
        </Button>
      </p>
    );
  if (progress?.off) return <Off guide={guide} />;
  const silence = silenceAhead(way, progress?.place.at_m ?? 0);
  if (!silence) return null;
  return (
    <p class="route-alert" data-kind="silence" data-testid="route-alert">
      {silence.inM > 0
        ? t("route.silence.ahead", { distance: distanceText(silence.inM), time: etaText(silence.forS) })
        : t("route.silence.in", { time: etaText(silence.forS) })}
    </p>
  );
}

function Off({ guide }: { guide: Guide }) {
  const linked = linkState.value === "live";
  return (
    <p class="route-alert" data-kind="off" data-testid="route-alert" role="alert">
      {t(!linked ? "route.off.alone" : guide.asking.value ? "route.off.asking" : "route.off")}
    </p>
  );
}

/** An order nobody has answered, or a question about one. */
function waits(each: StoredOrder, shown: StoredOrder): boolean {
  if (isOver(each) || endedBy(each)) return false;
  const asked = [each.recall, each.check, ...(each.advices ?? []).filter(({ over }) => !over)];
  if (asked.some((question) => question && !answerOf(question) && !question.missed)) return true;
  return each.id !== shown.id && ["received", "shown"].includes(each.last.s);
}

/** The stretch without radio that one is in or comes to. */
function silenceAhead(way: Way, at_m: number): { inM: number; forS: number } | null {
  const zones = way.steps.flatMap(({ cautions }) => cautions).filter(({ hazard }) => hazard === "dead_zone");
  const next = zones.find((zone) => zone.at_m + zone.length_m > at_m && zone.at_m - at_m < SILENCE_AHEAD_M);
  if (!next) return null;
  const driven = Math.min(1, Math.max(0, (at_m - next.at_m) / Math.max(1, next.length_m)));
  return { inM: Math.max(0, next.at_m - at_m), forS: next.duration_s * (1 - driven) };
}

function RouteGround({ guide, order, hidden }: { guide: Guide; order: StoredOrder; hidden: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  const map = useRef<RouteMap | null>(null);
  const following = useSignal(true);
  const missing = useSignal(false);
  const { incident } = order.body;
  const follower = guide.follower.value;
  const progress = guide.progress.value;
  const fix = lastFix.value;
  const latest = useRef(() => {});
  latest.current = () => {
    if (!follower) return;
    const scene = {
      lon: incident.lon,
      lat: incident.lat,
      priority: incident.priority,
      label: incident.place,
    };
    map.current?.draw(follower, progress, fix && selfOf(fix, progress), scene);
  };
  const follow = (on: boolean) => {
    following.value = on;
    map.current?.follow(on);
  };
  useEffect(() => {
    let left = false;
    mapInfo().then(
      (info) => {
        if (left || !place.current) return;
        map.current = createRouteMap(place.current, info, order.way?.map_id ?? info.id, () => {
          following.value = false;
          map.current?.rest();
        });
        latest.current();
      },
      (error: unknown) => {
        console.warn("no map", error);
        missing.value = true;
      },
    );
    return () => {
      left = true;
      map.current?.dispose();
      map.current = null;
    };
  }, []);
  useEffect(() => latest.current(), [follower, progress, fix]);
  const { kept, fetched, enlarged, none } = supplied.value;
  return (
    <div class="route-mapping" hidden={hidden}>
      <div
        ref={place}
        class="route-map"
        role="application"
        aria-label={t("route.map")}
        data-testid="route-map"
        data-kept={kept}
        data-fetched={fetched}
        data-enlarged={enlarged}
        data-none={none}
      />
      {missing.value && <p class="route-no-map">{t("route.no_map")}</p>}
      {(none > 0 || enlarged > 0) && (
        <p class="route-coarse">{t(none > 0 ? "route.none" : "route.enlarged")}</p>
      )}
      <Button
        class="button route-look"
        icon={following.value ? "reach" : "target"}
        data-testid="route-overview"
        aria-label={t(following.value ? "route.overview" : "route.follow")}
        title={t(following.value ? "route.overview" : "route.follow")}
        onClick={() => follow(!following.value)}
      />
    </div>
  );
}

function selfOf(fix: NonNullable<typeof lastFix.value>, progress: Progress | null): Self {
  const moving = (fix.spd ?? 0) > HEADING_MPS;
  const along = progress && !progress.off ? progress.place.bearing_deg : null;
  const heading = moving && fix.hdg !== undefined ? fix.hdg : along;
  return { lon: fix.lon, lat: fix.lat, acc: fix.acc, heading, speed_mps: fix.spd ?? 0 };
}

interface FootProperties {
  guide: Guide;
  desk: Desk;
  order: StoredOrder;
  listed: boolean;
  onList: () => void;
}

function Foot({ guide, desk, order, listed, onList }: FootProperties) {
  const progress = guide.progress.value;
  const leftS = progress?.leftS ?? order.way?.duration_s ?? 0;
  const leftM = progress?.leftM ?? order.way?.distance_m ?? 0;
  const step = order.last.s === "accepted" ? "en_route" : "on_scene";
  const due = step === "en_route" || (order.last.s === "en_route" && progress?.arrived === true);
  return (
    <footer class="route-foot">
      <p class="route-figures">
        <strong data-testid="route-left">{etaText(leftS)}</strong>
        <span>
          {distanceText(leftM)}
          {" · "}
          <span data-testid="route-eta">
            {t("route.eta")} {localTime(now.value + 1000 * leftS, false)}
          </span>
        </span>
      </p>
      <span class="route-actions">
        <Button
          kind="quiet"
          size="large"
          data-testid="route-sound"
          aria-pressed={sound.value}
          onClick={() => setSound(!sound.value)}
          aria-label={t(sound.value ? "route.sound.on" : "route.sound.off")}
          title={t(sound.value ? "route.sound.on" : "route.sound.off")}
        >
          <SoundIcon on={sound.value} />
        </Button>
        <Button
          kind="quiet"
          size="large"
          data-testid="route-list"
          aria-pressed={listed}
          onClick={onList}
          icon={listed ? "pin" : "cards"}
          aria-label={t(listed ? "route.map" : "route.list")}
          title={t(listed ? "route.map" : "route.list")}
        />
        <Button
          kind="quiet"
          size="large"
          icon="close"
          data-testid="route-close"
          aria-label={t("route.close")}
          title={t("route.close")}
          onClick={closeWay}
        />
      </span>
      {due && (
        <Button
          kind="primary"
          size="large"
          data-testid={`route-step-${step}`}
          onClick={() => void desk.step(order, step).catch(toastError)}
        >
          {t(`route.${step}`)}
        </Button>
      )}
      <p class="visually-hidden" role="status" data-testid="route-said">
        {guide.said.value}
      </p>
    </footer>
  );
}
