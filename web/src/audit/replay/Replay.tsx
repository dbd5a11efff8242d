// Any hour as it was, on the map: slider, speed, events, by either clock.
import { computed, useSignal } from "@preact/signals";
import type Control from "ol/control/Control";
import ScaleLine from "ol/control/ScaleLine";
import { useEffect, useRef } from "preact/hooks";
import * as api from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { toastError } from "../../shared/components/Toast";
import { createBaseMap } from "../../shared/map/base";
import { durationText, localTime, utcTime } from "../../shared/time";
import type { MapInfo } from "../../shared/types";
import { save } from "../log/files";
import { sentence } from "../sentence";
import { t as auditWords } from "../words";
import { NAME, type Span } from "./address";
import { type Clock, type Film, lastUpTo } from "./film";
import { addFollowing, follow, followed, middle } from "./follow";
import { listenToKeys } from "./keys";
import { addLayers } from "./layers";
import { pictureOf } from "./picture";
import {
  clock,
  film,
  loading,
  moment,
  open,
  openAddress,
  pause,
  playing,
  query,
  refining,
  SPANS_MIN,
  SPEEDS,
  seek,
  setClock,
  spanOf,
  speed,
  step,
  toggle,
} from "./player";
import { t } from "./words";

const STEP_MS = 10_000;
const EVENTS_BEFORE = 12;
const EVENTS_AFTER = 40;
/** In the list beside the map; the map has them all. */
const UNITS_MAX = 300;
const CLOCKS: readonly Clock[] = ["real", "room"];

const second = computed(() => Math.floor(moment.value / 1000) * 1000);
/** Played, lists move once a second and marks with every frame; at a standstill, both are of the very moment. */
const listedAt = computed(() => (playing.value ? second.value : moment.value));
const here = computed(() =>
  lastUpTo(film.value?.happenings(clock.value) ?? [], moment.value, ({ at }) => at),
);

/** Another moment was put into the address bar. */
function onAddress(): void {
  if (location.hash.startsWith(`#${NAME}`)) void openAddress();
}

export function Replay() {
  const info = useSignal<MapInfo | null>(null);
  useEffect(() => {
    api.mapInfo().then((found) => {
      info.value = found;
    }, toastError);
    void openAddress();
    const stopKeys = listenToKeys();
    addEventListener("hashchange", onAddress);
    return () => {
      stopKeys();
      removeEventListener("hashchange", onAddress);
      pause();
    };
  }, []);
  return (
    <section class="replay" aria-label={t("replay.map")} data-testid="replay">
      <SpanForm />
      <div class="replay-room">
        {info.value && <PastMap info={info.value} />}
        <div class="replay-side">
          <Events />
          <Units />
        </div>
      </div>
      {film.value && <Controls film={film.value} />}
      <p class="audit-note">
        {t("replay.keys")} {t("replay.logged")}
      </p>
    </section>
  );
}

const pad = (value: number): string => String(value).padStart(2, "0");

/** As <input type="datetime-local"> writes it. */
function typed(at: number): string {
  const date = new Date(at);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day}T${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

function SpanForm() {
  const form = useRef<HTMLFormElement>(null);
  const span: Span = film.value ? spanOf(film.value) : { from: Date.now() - 3_600_000, minutes: 60 };
  function submit(event: Event) {
    event.preventDefault();
    if (!form.current) return;
    const wanted = new FormData(form.current);
    const from = new Date(String(wanted.get("from"))).getTime();
    if (!Number.isNaN(from)) void open({ from, minutes: Number(wanted.get("minutes")) });
  }
  const spans = [...new Set([...SPANS_MIN, span.minutes])].sort((one, other) => one - other);
  return (
    <form ref={form} class="replay-form" key={`${span.from}|${span.minutes}`} onSubmit={submit}>
      <label class="field">
        <span>{t("replay.from")}</span>
        <input
          class="input"
          type="datetime-local"
          name="from"
          required
          data-testid="replay-from"
          defaultValue={typed(span.from)}
        />
      </label>
      <label class="field">
        <span>{t("replay.span")}</span>
        <select class="input" name="minutes" data-testid="replay-span">
          {spans.map((minutes) => (
            <option key={minutes} value={minutes} selected={minutes === span.minutes}>
              {minutes < 60 || minutes % 60
                ? t("replay.span.min", { n: minutes })
                : t("replay.span.h", { n: minutes / 60 })}
            </option>
          ))}
        </select>
      </label>
      <Button type="submit" kind="primary" busy={loading.value} data-testid="replay-open">
        {t("replay.open")}
      </Button>
      {film.value && (
        <>
          <a class="button" href={`/api/replay?${query(span)}`} download={`replay-${typed(span.from)}.json`}>
            {t("replay.export.json")}
          </a>
          <a class="button" data-testid="replay-csv" href={`/api/replay.csv?${query(span)}`} download>
            {t("replay.export.csv")}
          </a>
          <a
            class="button"
            data-testid="replay-geojson"
            href={`/api/replay.geojson?${query(span)}`}
            download={`replay-${typed(span.from)}.geojson`}
          >
            {t("replay.export.geojson")}
          </a>
        </>
      )}
      <span class="replay-said" role="status">
        {loading.value && t("replay.loading")}
        {film.value?.playback.thinned && t("replay.thinned", { step: film.value.playback.step_s })}{" "}
        {refining.value && t("replay.refining")} {film.value?.playback.coarse && t("replay.coarse")}
      </span>
    </form>
  );
}

function PastMap({ info }: { info: MapInfo }) {
  const target = useRef<HTMLDivElement>(null);
  const ready = useSignal(false);
  const fit = useRef<() => void>(() => undefined);
  const picture = useRef<(() => Promise<Blob>) | null>(null);
  useEffect(() => {
    if (!target.current) return;
    const base = createBaseMap(target.current, info);
    const scale = new ScaleLine({ units: "metric", minWidth: 70 });
    (scale as Control).setMap(base.map);
    const stops = [addLayers(base.map), addFollowing(base.map)];
    picture.current = () => pictureOf(base.map, info.attribution);
    fit.current = base.fitAll;
    base.map.once("postrender", () => {
      ready.value = true;
    });
    return () => {
      for (const stop of stops) stop();
      base.dispose();
    };
  }, [info]);

  async function keepPicture() {
    try {
      const name = `replay-${new Date(moment.peek()).toISOString().replace(/[:.]/g, "")}.png`;
      const drawn = await picture.current?.();
      if (drawn) save(name, drawn);
    } catch (error) {
      toastError(error);
    }
  }

  return (
    <div
      class="replay-map"
      data-ready={ready.value}
      data-middle={middle.value}
      data-followed={followed.value ?? undefined}
      data-testid="replay-map"
    >
      <div ref={target} class="map-canvas" />
      <span class="replay-all">
        <Button size="small" data-testid="replay-picture" onClick={() => void keepPicture()}>
          {t("replay.picture")}
        </Button>
        <Button
          size="small"
          onClick={() => {
            followed.value = null;
            fit.current();
          }}
        >
          {t("replay.all")}
        </Button>
      </span>
      <p class="map-attribution">{info.attribution}</p>
    </div>
  );
}

function Controls({ film }: { film: Film }) {
  return (
    <div class="replay-controls">
      <Button
        aria-label={t("replay.previous")}
        title={`${t("replay.previous")} (K)`}
        data-testid="replay-previous"
        onClick={() => step(-1)}
      >
        <Glyph path="M5 5h2.4v14H5zm13.5.2v13.6L8.6 12z" />
      </Button>
      <Button
        kind="primary"
        data-testid="replay-play"
        aria-label={playing.value ? t("replay.pause") : t("replay.play")}
        onClick={toggle}
      >
        <Glyph path={playing.value ? "M6 5h4v14H6zm8 0h4v14h-4z" : "M7 4.6v14.8L19 12z"} />
      </Button>
      <Button
        aria-label={t("replay.next")}
        title={`${t("replay.next")} (J)`}
        data-testid="replay-next"
        onClick={() => step(1)}
      >
        <Glyph path="M16.6 5H19v14h-2.4zM5.5 5.2v13.6l9.9-6.8z" />
      </Button>
      <Slider film={film} />
      <label class="field">
        <span>{t("replay.speed")}</span>
        <select
          class="input"
          data-testid="replay-speed"
          onChange={(event) => {
            speed.value = Number(event.currentTarget.value);
          }}
        >
          {SPEEDS.map((times) => (
            <option key={times} value={times} selected={times === speed.value}>
              {t("replay.speed.times", { n: times })}
            </option>
          ))}
        </select>
      </label>
      <fieldset class="replay-clock">
        <legend>{t("replay.clock")}</legend>
        {CLOCKS.map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="clock"
              checked={clock.value === each}
              data-testid={`replay-clock-${each}`}
              onChange={() => setClock(each)}
            />
            {t(`replay.clock.${each}` as "replay.clock.real")}
          </label>
        ))}
      </fieldset>
    </div>
  );
}

function Glyph({ path }: { path: string }) {
  return (
    <svg width="16" height="16" viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} fill="currentColor" />
    </svg>
  );
}

function Slider({ film }: { film: Film }) {
  return (
    <div class="replay-slider">
      <input
        type="range"
        aria-label={t("replay.moment")}
        aria-valuetext={localTime(second.value)}
        data-testid="replay-slider"
        min={film.since}
        max={film.until}
        step={STEP_MS}
        value={moment.value}
        onInput={(event) => seek(Number(event.currentTarget.value))}
      />
      <time
        data-testid="replay-moment"
        dateTime={new Date(second.value).toISOString()}
        title={utcTime(second.value)}
      >
        {localTime(second.value)}
      </time>
    </div>
  );
}

function Events() {
  const shown = film.value;
  const all = shown?.happenings(clock.value) ?? [];
  const first = Math.max(0, here.value - EVENTS_BEFORE);
  return (
    <section class="replay-events" aria-label={t("replay.events")}>
      <h2>{t("replay.events")}</h2>
      {shown?.playback.happenings_left_out && <p>{t("replay.events.left_out")}</p>}
      {shown && all.length === 0 && <p>{t("replay.events.none")}</p>}
      <ol>
        {all.slice(first, first + EVENTS_BEFORE + EVENTS_AFTER).map(({ at, happening }, offset) => (
          <li key={happening.seq} data-now={first + offset === here.value}>
            <button
              type="button"
              data-testid="replay-event"
              data-kind={happening.kind}
              aria-current={first + offset === here.value ? "time" : undefined}
              onClick={() => seek(at)}
            >
              <time dateTime={new Date(at).toISOString()} title={utcTime(at)}>
                {localTime(at)}
              </time>{" "}
              <strong>{auditWords.loose(`kind.${happening.kind}`, {}, happening.kind)}</strong>{" "}
              {sentence(happening)}
              <Late at={happening.at} heard={happening.heard_at} />
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

const LATE_MS = 30_000;

function Late({ at, heard }: { at: string; heard: string }) {
  const late = Date.parse(heard) - Date.parse(at);
  return late > LATE_MS ? <em> · {t("replay.heard", { late: durationText(late) })}</em> : null;
}

function Units() {
  const shown = film.value;
  const units = shown?.units(listedAt.value, clock.value) ?? [];
  return (
    <section class="replay-units" aria-label={t("replay.units")}>
      <h2>{t("replay.units")}</h2>
      {shown && shown.playback.tracks.length === 0 && <p>{t("replay.units.none")}</p>}
      <ul>
        {units.slice(0, UNITS_MAX).map((unit) => (
          <li
            key={unit.id}
            data-testid="replay-unit"
            data-status={unit.status}
            data-stale={unit.stale}
            data-lon={unit.lon.toFixed(5)}
            data-lat={unit.lat.toFixed(5)}
          >
            <button
              type="button"
              class="replay-follow"
              data-testid="replay-follow"
              aria-pressed={followed.value === unit.id}
              title={t("replay.follow", { unit: unit.callSign })}
              onClick={() => follow(unit.id)}
            >
              {unit.callSign}
            </button>{" "}
            {t(`status.${unit.status}`)}
            {unit.silent && ` · ${t("replay.unit.silent")}`}
            {unit.stale && ` · ${t("replay.unit.seen", { age: durationText(unit.ageMs) })}`}
          </li>
        ))}
      </ul>
      {units.length > UNITS_MAX && <p>{t("replay.units.more", { n: units.length - UNITS_MAX })}</p>}
    </section>
  );
}
