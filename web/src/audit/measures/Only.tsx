// Of the rows by circumstance, those of one value: by night, on village roads. What is shown together stays.
import { signal } from "@preact/signals";
import { valueText } from "./figures";
import type { Held, Times } from "./types";
import { t } from "./words";

/** By axis; an axis without a value has all of them. */
const only = signal<Held>({});

/** Everything together, and rows that say nothing else than what was chosen. */
export const isWanted = (held: Held): boolean =>
  Object.entries(only.value).every(([axis, value]) => !(axis in held) || held[axis] === value);

export function Only({ view }: { view: Times }) {
  return (
    <fieldset class="measure-only" aria-label={t("only")}>
      {view.axes.map((axis) => (
        <label key={axis} class="field">
          <span>{t.loose(`axis.${axis}`, {}, axis)}</span>
          <select
            class="input"
            data-testid={`only-${axis}`}
            onChange={(event) => choose(axis, event.currentTarget.value)}
          >
            <option value="">{t("only.all")}</option>
            {valuesOf(view, axis).map((value) => (
              <option key={value} value={value} selected={only.value[axis] === value}>
                {valueText(axis, value)}
              </option>
            ))}
          </select>
        </label>
      ))}
    </fieldset>
  );
}

function choose(axis: string, value: string): void {
  const { [axis]: _, ...others } = only.peek();
  only.value = value ? { ...others, [axis]: value } : others;
}

function valuesOf(view: Times, axis: string): string[] {
  const found = view.rows.flatMap(({ held }) => held[axis] ?? []);
  const chosen = only.value[axis];
  return [...new Set(chosen ? [...found, chosen] : found)];
}
