import { type ConditionDraft, change } from "./draft";
import { Choice, Chosen, Form, Reason } from "./Fields";
import { t } from "./words";

const WEATHERS = ["dry", "rain", "heavy_rain", "snow"] as const;

/** Weather, night, fog and ice, for the county or an area. */
export function ConditionForm({ current }: { current: ConditionDraft }) {
  return (
    <Form title={t("conditions.new")} send={t("conditions.send")}>
      <label class="field">
        <span>{t("conditions.weather")}</span>
        <select
          class="input"
          data-testid="condition-weather"
          value={current.weather}
          onChange={({ currentTarget }) => change({ weather: currentTarget.value })}
        >
          {WEATHERS.map((weather) => (
            <option key={weather} value={weather}>
              {t(`weather.${weather}`)}
            </option>
          ))}
        </select>
      </label>
      <label class="roads-check">
        <input
          type="checkbox"
          data-testid="condition-night"
          checked={current.night}
          onChange={({ currentTarget }) => change({ night: currentTarget.checked })}
        />
        <span>{t("condition.night")}</span>
      </label>
      <div class="roads-km">
        <Metres name="fog" current={current} />
        <Metres name="ice" current={current} />
      </div>
      <Choice
        legend={t("roads.where")}
        name="condition-where"
        values={["county", "polygon"]}
        chosen={current.where}
        words={(where) => t(`conditions.where.${where}`)}
        onChoose={(where) => change({ where })}
      />
      {current.where === "polygon" && <Chosen nothing={t("roads.missing.polygon")} />}
      <Reason suggestions={[]} required={false} />
    </Form>
  );
}

function Metres({ name, current }: { name: "fog" | "ice"; current: ConditionDraft }) {
  return (
    <label class="field">
      <span>{t(`conditions.${name}`)}</span>
      <input
        class="input"
        inputMode="numeric"
        autocomplete="off"
        data-testid={`condition-${name}`}
        placeholder={t(`conditions.${name}.hint`)}
        value={current[name]}
        onInput={({ currentTarget }) => change({ [name]: currentTarget.value })}
      />
    </label>
  );
}
