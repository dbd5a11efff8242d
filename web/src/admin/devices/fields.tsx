// Fields that the dialogs about devices share.
import type { DeviceKind } from "../../shared/types";
import { devices, roster } from "../store";
import { DATUMS, type Datum, KINDS } from "../types";
import { t } from "../words";

const DEVICE_ID = "[A-Za-z0-9._\\-]{1,64}";
const BADGE = "[A-Za-z0-9\\-]{1,32}";
const MODEL_LEN_MAX = 80;
const EXTERNAL_ID_LEN_MAX = 128;
const CODE_LEN_MAX = 64;

/** `known`: one that is here already may be chosen, too. */
export function DeviceIdField({ value, known = false }: { value: string; known?: boolean }) {
  return (
    <label class="field">
      <span>{t("field.device_id")}</span>
      <input
        class="input"
        name="device_id"
        data-testid="field-device-id"
        defaultValue={value}
        pattern={DEVICE_ID}
        title={t("field.device_id.hint")}
        list={known ? "device-ids" : undefined}
        required
        autocomplete="off"
        spellcheck={false}
      />
      {known && (
        <datalist id="device-ids">
          {devices.value?.map(({ id, model }) => (
            <option key={id} value={id}>
              {model}
            </option>
          ))}
        </datalist>
      )}
    </label>
  );
}

export function ExternalIdField() {
  return (
    <label class="field">
      <span>{t("field.external_id")}</span>
      <input
        class="input"
        name="external_id"
        data-testid="field-external-id"
        maxLength={EXTERNAL_ID_LEN_MAX}
        required
        autocomplete="off"
        spellcheck={false}
      />
    </label>
  );
}

export function KindField({ value }: { value: DeviceKind }) {
  const options = KINDS.map((kind): Option => [kind, t(`device.${kind}`)]);
  return <Choice name="kind" label={t("field.kind")} value={value} options={options} />;
}

export function DatumField({ value }: { value: Datum }) {
  const options = DATUMS.map((datum): Option => [datum, t(`datum.${datum}`)]);
  return (
    <Choice
      name="datum"
      label={t("field.datum")}
      value={value}
      options={options}
      hint={t("field.datum.hint")}
    />
  );
}

export function UnitField() {
  const units = roster.value.units.map((unit): Option => {
    const words = [unit.call_sign, t(`unit.${unit.kind}`), unit.station];
    return [unit.id, words.filter(Boolean).join(" · ")];
  });
  const options: Option[] = [["", t("field.unit.none")], ...units];
  return <Choice name="unit_id" label={t("field.unit")} value="" options={options} />;
}

type Option = [value: string, words: string];

interface ChoiceProperties {
  name: string;
  label: string;
  /** Chosen at first. */
  value: string;
  options: Option[];
  hint?: string;
}

function Choice({ name, label, value, options, hint }: ChoiceProperties) {
  return (
    <label class="field">
      <span>{label}</span>
      <select class="input" name={name} data-testid={`field-${name}`}>
        {options.map(([each, words]) => (
          <option key={each} value={each} selected={each === value}>
            {words}
          </option>
        ))}
      </select>
      {hint && <small class="admin-soft">{hint}</small>}
    </label>
  );
}

export function ModelField({ value }: { value: string }) {
  return (
    <label class="field">
      <span>{t("field.model")}</span>
      <input
        class="input"
        name="model"
        data-testid="field-model"
        defaultValue={value.slice(0, MODEL_LEN_MAX)}
        maxLength={MODEL_LEN_MAX}
        autocomplete="off"
      />
    </label>
  );
}

/** Whoever carries it; a badge nobody has is refused by the server. */
export function BadgeField({ value }: { value: string }) {
  return (
    <label class="field">
      <span>{t("field.badge")}</span>
      <input
        class="input"
        name="badge"
        data-testid="field-badge"
        defaultValue={value}
        list="badges"
        pattern={BADGE}
        title={t("field.badge.hint")}
        autocomplete="off"
        spellcheck={false}
      />
      <datalist id="badges">
        {roster.value.officers.map(({ badge, name }) => (
          <option key={badge} value={badge}>
            {name}
          </option>
        ))}
      </datalist>
    </label>
  );
}

/** Never filled in: the server does not know it, only its hash. */
export function CodeField({ label }: { label: string }) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        class="input"
        name="code"
        data-testid="field-code"
        maxLength={CODE_LEN_MAX}
        autocomplete="off"
        spellcheck={false}
      />
    </label>
  );
}

export function CheckField({ name, label, checked }: { name: string; label: string; checked: boolean }) {
  return (
    <label class="admin-check">
      <input type="checkbox" name={name} data-testid={`field-${name}`} defaultChecked={checked} />
      <span>{label}</span>
    </label>
  );
}

export function Failure({ children }: { children: string }) {
  return (
    <div role="alert">
      {children && (
        <p class="notice" data-kind="bad" data-testid="form-error">
          {children}
        </p>
      )}
    </div>
  );
}

/** What stands in a form, trimmed; empty fields are left out. */
export function typedIn(form: HTMLFormElement): Record<string, string> {
  const typed = [...new FormData(form)].map(([name, value]) => [name, String(value).trim()]);
  return Object.fromEntries(typed.filter(([, value]) => value));
}
