// One shift: whose, from when to when, with whom; dropped, or its crew swapped with another one's.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toast, toastError } from "../../shared/components/Toast";
import { localTime } from "../../shared/time";
import { useDraft } from "../parts/draft";
import { Form } from "../parts/Form";
import { ListField, SelectField, WhenField } from "../parts/fields";
import { leave } from "../parts/leaving";
import { t as common } from "../parts/words";
import { roster } from "../store";
import * as api from "./api";
import { fieldText, spanOf } from "./days";
import { look, plan, warningsOf } from "./store";
import { shiftWords, warningWords } from "./Warnings";
import { nameWords, t } from "./words";

/** One that is there; or a new one of that unit on that day. */
export type Wanted = { shift: api.Shift } | { unitId: string; day: Date; crew: string[] };

function first(wanted: Wanted, templates: api.Template[]): api.Facts {
  if ("shift" in wanted) {
    const facts = api.factsOf(wanted.shift);
    return { ...facts, ...fields(new Date(facts.starts_at), new Date(facts.ends_at)) };
  }
  const [template = { name: "early", starts: "06:00", minutes: 480 }] = templates;
  const span = spanOf(wanted.day, template.starts, template.minutes);
  return { unit_id: wanted.unitId, name: template.name, crew: wanted.crew, ...fields(...span) };
}

/** In the draft, times are local as the fields have them. */
const fields = (starts: Date, ends: Date) => ({ starts_at: fieldText(starts), ends_at: fieldText(ends) });

const sent = (facts: api.Facts): api.Facts => ({
  ...facts,
  name: facts.name.trim(),
  starts_at: instant(facts.starts_at),
  ends_at: instant(facts.ends_at),
});

/** What is no time goes as it is: the server names the field. */
function instant(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? local : at.toISOString();
}

export function ShiftDialog({ wanted, onClose }: { wanted: Wanted; onClose: () => void }) {
  const templates = plan.value?.templates ?? [];
  const draft = useDraft(first(wanted, templates));
  const shift = "shift" in wanted ? wanted.shift : null;
  const now = draft.now.value;
  const units = roster.value.units.map(({ id, call_sign }) => [id, call_sign] as const);
  const officers = roster.value.officers.map(({ badge, name }) => [badge, name] as const);
  const names = [...new Set([...templates.map(({ name }) => name), draft.was.value.name])].map(
    (name) => [name, nameWords(name)] as const,
  );
  const day = new Date(now.starts_at);

  async function save() {
    if (shift) await api.change(shift.id, sent(draft.was.value), sent(now));
    else await api.add(sent(now));
    draft.settle(now);
    await look();
    onClose();
  }

  return (
    <Dialog
      title={shift ? shiftWords(shift) : t("shift.new")}
      onClose={onClose}
      onLeave={() => leave(onClose, draft.dirty.value)}
    >
      {shift && <Wrong shift={shift} />}
      <Form
        draft={draft}
        mark="shift-form"
        fresh={!shift}
        save={save}
        fieldWords={(name) => t.loose(`shift.${name}`, {}, name)}
        valueWords={valueWords}
        onClose={onClose}
      >
        <fieldset class="topics" aria-label={t("shift.templates")}>
          {templates.map(({ name, starts, minutes }) => (
            <Button
              key={name}
              size="small"
              data-testid={`template-${name}`}
              aria-pressed={now.name === name}
              disabled={Number.isNaN(day.getTime())}
              onClick={() => draft.set({ name, ...fields(...spanOf(day, starts, minutes)) })}
            >
              {nameWords(name)} {starts}
            </Button>
          ))}
        </fieldset>
        <div class="admin-pair">
          <SelectField draft={draft} name="unit_id" label={t("shift.unit_id")} options={units} />
          <SelectField draft={draft} name="name" label={t("shift.name")} options={names} />
          <WhenField draft={draft} name="starts_at" type="datetime-local" label={t("shift.starts_at")} />
          <WhenField draft={draft} name="ends_at" type="datetime-local" label={t("shift.ends_at")} />
        </div>
        <ListField
          draft={draft}
          name="crew"
          label={t("shift.crew")}
          hint={t("shift.crew.hint")}
          options={officers}
          removeWords={(badge) => t("shift.take_out", { badge })}
          addWords={t("shift.add.crew")}
        />
      </Form>
      {shift && <Deeds shift={shift} onDone={onClose} />}
    </Dialog>
  );
}

function valueWords(name: string, value: unknown): string {
  if (name === "unit_id")
    return roster.value.units.find(({ id }) => id === value)?.call_sign ?? String(value);
  if (name.endsWith("_at")) return localTime(String(value), false);
  if (Array.isArray(value)) return value.join(t("list.comma")) || common("form.none");
  return nameWords(String(value));
}

function Wrong({ shift }: { shift: api.Shift }) {
  const found = warningsOf(shift);
  if (found.length === 0) return null;
  const by = new Map(plan.value?.shifts.map((each) => [each.id, each]));
  return (
    <ul class="notice" data-testid="shift-wrong">
      {found.map((warning) => {
        const other = warning.shift_id === shift.id ? warning.other_id : warning.shift_id;
        return (
          <li key={`${warning.kind} ${warning.badge} ${other}`}>
            {warningWords(warning, other ? by.get(other) : undefined)}
          </li>
        );
      })}
    </ul>
  );
}

function Deeds({ shift, onDone }: { shift: api.Shift; onDone: () => void }) {
  const other = useSignal("");
  const others = plan.value?.shifts.filter(({ id }) => id !== shift.id) ?? [];
  const then = (words: string) => async () => {
    toast(words);
    await look();
    onDone();
  };
  return (
    <div class="shift-deeds">
      <label class="field">
        <span>{t("swap.with")}</span>
        <select
          class="input"
          data-testid="swap-with"
          value={other.value}
          onChange={(event) => {
            other.value = event.currentTarget.value;
          }}
        >
          <option value="">–</option>
          {others.map((each) => (
            <option key={each.id} value={each.id}>
              {shiftWords(each)}
            </option>
          ))}
        </select>
      </label>
      <Button
        data-testid="swap"
        disabled={!other.value}
        onClick={() => api.swap(shift.id, other.value).then(then(t("swap.done")), toastError)}
      >
        {t("swap.do")}
      </Button>
      <Button
        kind="danger"
        data-testid="shift-drop"
        onClick={() => api.drop(shift.id, api.factsOf(shift)).then(then(t("drop.done")), dropFailed)}
      >
        {t("drop.do")}
      </Button>
    </div>
  );
}

const dropFailed = (error: unknown) => toastError(error, common);
