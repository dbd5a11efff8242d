// One of a few words, which say themselves under "label.word".
import type { Signal } from "@preact/signals";
import { t } from "./words";

export function Choice<T extends string | number>({
  mark,
  label,
  options,
  chosen,
}: {
  mark: string;
  label: "vehicle" | "mode" | "minutes" | "limit";
  options: readonly T[];
  chosen: Signal<T>;
}) {
  return (
    <label class="field">
      <span>{t(label)}</span>
      <select
        class="input"
        data-testid={mark}
        value={String(chosen.value)}
        onChange={(event) => {
          const said = event.currentTarget.value;
          chosen.value = options.find((each) => String(each) === said) ?? chosen.peek();
        }}
      >
        {options.map((each) => (
          <option key={each} value={String(each)}>
            {typeof each === "number" ? t("min", { minutes: each }) : t.loose(`${label}.${each}`, {}, each)}
          </option>
        ))}
      </select>
    </label>
  );
}
