import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { change, draft } from "./draft";
import { PRESETS, type Preset, SUNRISE_H } from "./until";
import { t } from "./words";

/** Until when it holds, and from when if not from now on. */
export function TimeFields() {
  const later = useSignal(false);
  const times = draft.value?.times;
  if (!times) return null;
  return (
    <>
      <label class="field">
        <span>{t("roads.until")}</span>
        <select
          class="input"
          data-testid="roads-until"
          value={times.until}
          onChange={({ currentTarget }) =>
            change({ times: { ...times, until: currentTarget.value as Preset } })
          }
        >
          {PRESETS.map((preset) => (
            <option key={preset} value={preset}>
              {t(`roads.until.${preset}`, { hour: `${String(SUNRISE_H).padStart(2, "0")}:00` })}
            </option>
          ))}
        </select>
      </label>
      {times.until === "at" && (
        <input
          class="input"
          type="datetime-local"
          aria-label={t("roads.until.at")}
          data-testid="roads-expires"
          value={times.expiresAt}
          onInput={({ currentTarget }) => change({ times: { ...times, expiresAt: currentTarget.value } })}
        />
      )}
      {later.value || times.startsAt ? (
        <label class="field">
          <span>{t("roads.starts")}</span>
          <input
            class="input"
            type="datetime-local"
            data-testid="roads-starts"
            value={times.startsAt}
            onInput={({ currentTarget }) => change({ times: { ...times, startsAt: currentTarget.value } })}
          />
        </label>
      ) : (
        <Button
          kind="quiet"
          size="small"
          onClick={() => {
            later.value = true;
          }}
        >
          {t("roads.starts.later")}
        </Button>
      )}
    </>
  );
}
