// Find a place, a unit or an incident, and go there. Places come from the server; units and incidents
// are searched in what the console knows.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "../../shared/api";
import { Icon } from "../../shared/components/Icon";
import { toastError } from "../../shared/components/Toast";
import type { IconName } from "../../shared/icons";
import { openIncident, openUnit, placeDraft } from "../commands";
import { focusNote } from "../NewIncident";
import { draft, narrow, queue, spot, unitsByName, view } from "../store";
import { t, typeName } from "../words";
import { camera } from "./camera";

const TYPING_MS = 180;
const OWN_MAX = 4;

interface Hit {
  key: string;
  icon: IconName;
  name: string;
  kind: string;
  pick: () => void;
}

export const focusSearch = (): void => document.getElementById("search")?.focus();

export function SearchBox() {
  const text = useSignal("");
  const places = useSignal<Hit[]>([]);
  const open = useSignal(false);
  const at = useSignal(0);
  const answered = useSignal("");
  const input = useRef<HTMLInputElement>(null);

  const words = text.value.trim();
  useEffect(() => {
    at.value = 0;
    if (!words) {
      places.value = [];
      return;
    }
    let wanted = true;
    const timer = setTimeout(async () => {
      try {
        const found = await api.places(words);
        if (!wanted) return;
        places.value = found.map((place, index) => ({
          key: `place-${index}`,
          icon: "pin",
          name: place.name,
          kind: t(`place.${place.kind}`),
          pick: () => pickPlace(place),
        }));
        answered.value = words;
      } catch (error) {
        if (wanted) toastError(error);
      }
    }, TYPING_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [words]);

  const hits = words ? [...ownHits(words), ...places.value] : [];

  function pick(hit: Hit) {
    open.value = false;
    text.value = "";
    input.current?.blur();
    hit.pick();
    if (draft.peek()) focusNote();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "ArrowDown") at.value = Math.min(at.value + 1, hits.length - 1);
    else if (event.key === "ArrowUp") at.value = Math.max(at.value - 1, 0);
    else if (event.key === "Enter") {
      const hit = hits[at.value];
      if (hit) pick(hit);
    } else if (event.key === "Escape") {
      open.value = false;
      text.value = "";
      input.current?.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const shown = open.value && words !== "";
  return (
    <search class="search">
      <Icon name="search" />
      <input
        ref={input}
        id="search"
        data-testid="search"
        type="text"
        role="combobox"
        aria-expanded={shown}
        aria-controls="search-hits"
        aria-autocomplete="list"
        aria-activedescendant={shown && hits[at.value] ? `hit-${at.value}` : undefined}
        aria-label={t("search.label")}
        placeholder={t("search.hint")}
        autocomplete="off"
        spellcheck={false}
        maxLength={100}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          open.value = true;
        }}
        onFocus={() => {
          open.value = true;
        }}
        onBlur={() => {
          open.value = false;
        }}
        onKeyDown={onKeyDown}
      />
      <span class="key-cap" aria-hidden="true">
        /
      </span>
      <div id="search-hits" class="search-hits" role="listbox" aria-label={t("search.label")} hidden={!shown}>
        {hits.map((hit, index) => (
          <div
            key={hit.key}
            id={`hit-${index}`}
            class="search-hit"
            role="option"
            tabIndex={-1}
            aria-selected={index === at.value}
            data-testid="search-hit"
            onMouseDown={(event) => {
              event.preventDefault();
              pick(hit);
            }}
          >
            <Icon name={hit.icon} size={14} />
            <span class="search-name">{hit.name}</span>
            <span class="search-kind">{hit.kind}</span>
          </div>
        ))}
        {hits.length === 0 && answered.value === words && <p class="search-none">{t("search.none")}</p>}
      </div>
    </search>
  );
}

type Spot = { lon: number; lat: number; name: string };

function pickPlace(place: Spot): void {
  const { lon, lat, name } = place;
  if (draft.peek()) {
    placeDraft({ lon, lat }, name);
  } else {
    spot.value = { lon, lat, name };
    if (narrow()) view.value = "map";
  }
  camera.goTo(place.lon, place.lat);
}

function ownHits(words: string): Hit[] {
  const lower = words.toLowerCase();
  const unitHits = unitsByName.value
    .filter((unit) => unit.call_sign.toLowerCase().includes(lower))
    .slice(0, OWN_MAX)
    .map(
      (unit): Hit => ({
        key: unit.id,
        icon: unit.kind,
        name: unit.call_sign,
        kind: t("place.unit"),
        pick: () => openUnit(unit),
      }),
    );
  const number = lower.replace(/^#/, "");
  const incidentHits = queue.value
    .filter((incident) => String(incident.number) === number)
    .map(
      (incident): Hit => ({
        key: incident.id,
        icon: "alert",
        name: `#${incident.number} ${typeName(incident.type)}`,
        kind: t("place.incident"),
        pick: () => openIncident(incident),
      }),
    );
  return [...incidentHits, ...unitHits];
}
