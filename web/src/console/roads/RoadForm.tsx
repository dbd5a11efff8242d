import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { toastError } from "../../shared/components/Toast";
import type { Direction, RoadNumber } from "./api";
import * as api from "./api";
import { change, type RoadDraft } from "./draft";
import { Choice, Chosen, Form, Reason } from "./Fields";
import { Learned } from "./Learned";
import { roadWords, t, towards } from "./words";

const FACTORS = [1.2, 1.5, 2, 3, 5, 10];
const DIRECTIONS: Direction[] = ["both", "forward", "backward"];
const REASONS = ["rockfall", "landslide", "flood", "accident", "works", "snow", "event"] as const;

/** Close or slow a road: which, how much, why, until when. */
export function RoadForm({ current }: { current: RoadDraft }) {
  return (
    <Form title={t("roads.new")} send={t(`roads.send.${current.state}`)}>
      <Choice
        legend={t("roads.state")}
        name="roads-state"
        values={["closed", "slow"]}
        chosen={current.state}
        words={(state) => t(`roads.state.${state}`)}
        onChoose={(state) => change({ state })}
      />
      {current.state === "slow" && (
        <label class="field">
          <span>{t("roads.factor")}</span>
          <select
            class="input"
            data-testid="roads-factor"
            value={current.factor}
            onChange={({ currentTarget }) => change({ factor: Number(currentTarget.value) })}
          >
            {FACTORS.map((factor) => (
              <option key={factor} value={factor}>
                {t("roads.times", { factor })}
              </option>
            ))}
          </select>
        </label>
      )}
      <Choice
        legend={t("roads.where")}
        name="roads-where"
        values={["edges", "road", "polygon"]}
        chosen={current.where}
        words={(where) => t(`roads.where.${where}`)}
        onChoose={(where) => change({ where })}
      />
      {current.where === "road" && <RoadFields current={current} />}
      {current.where === "edges" && <Picks current={current} />}
      <Chosen nothing={t(`roads.missing.${current.where}`)} />
      {current.where !== "polygon" && <DirectionField current={current} />}
      <Reason suggestions={REASONS.map((reason) => t(`roads.reason.${reason}`))} required />
    </Form>
  );
}

function RoadFields({ current }: { current: RoadDraft }) {
  const known = useSignal<RoadNumber[]>([]);
  useEffect(() => {
    api.numbers().then(
      (found) => {
        known.value = found;
      },
      (error: unknown) => toastError(error, t),
    );
  }, []);
  const chosen = known.value.find(({ ref }) => ref.toLowerCase() === current.ref.trim().toLowerCase());
  return (
    <>
      <label class="field">
        <span>{t("roads.ref")}</span>
        <input
          class="input"
          data-testid="roads-ref"
          list="roads-refs"
          autocomplete="off"
          value={current.ref}
          onInput={({ currentTarget }) => change({ ref: currentTarget.value })}
        />
        <datalist id="roads-refs">
          {known.value.map(({ ref, length_km }) => (
            <option key={ref} value={ref}>
              {`0–${length_km.toFixed(1)} km`}
            </option>
          ))}
        </datalist>
      </label>
      <div class="roads-km">
        <Km name="fromKm" current={current} hint="0" />
        <Km name="toKm" current={current} hint={chosen ? chosen.length_km.toFixed(1) : ""} />
      </div>
    </>
  );
}

function Km({ name, current, hint }: { name: "fromKm" | "toKm"; current: RoadDraft; hint: string }) {
  return (
    <label class="field">
      <span>{t(`roads.${name}`)}</span>
      <input
        class="input"
        inputMode="decimal"
        autocomplete="off"
        data-testid={`roads-${name}`}
        placeholder={hint}
        value={current[name]}
        onInput={({ currentTarget }) => change({ [name]: currentTarget.value })}
      />
    </label>
  );
}

function Picks({ current }: { current: RoadDraft }) {
  const last = current.picks.at(-1);
  if (!last) return null;
  return (
    <>
      <ul class="filters" aria-label={t("roads.picks")}>
        {current.picks.map((pick) => (
          <li key={pick.edge}>
            <button
              type="button"
              class="filter"
              data-testid="roads-pick"
              aria-label={t("roads.pick.drop", { road: roadWords(pick) })}
              onClick={() => change({ picks: current.picks.filter(({ edge }) => edge !== pick.edge) })}
            >
              {roadWords(pick)} ×
            </button>
          </li>
        ))}
      </ul>
      <Learned road={last} />
    </>
  );
}

function DirectionField({ current }: { current: RoadDraft }) {
  return (
    <label class="field">
      <span>{t("roads.direction")}</span>
      <select
        class="input"
        data-testid="roads-direction"
        value={current.direction}
        onChange={({ currentTarget }) => change({ direction: currentTarget.value as Direction })}
      >
        {DIRECTIONS.map((direction) => (
          <option key={direction} value={direction}>
            {directionWords(current, direction)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Along the kilometres; or, of picked roads, towards a point of the compass. */
function directionWords({ where, picks }: RoadDraft, direction: Direction): string {
  const [first] = picks;
  if (direction === "both" || where === "road" || !first) return t(`roads.direction.${direction}`);
  return t("roads.direction.towards", { compass: towards(first, direction) });
}
