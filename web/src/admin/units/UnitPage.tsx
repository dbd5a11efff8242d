// One unit: what it is called, what it has, who is in it and leads it; and the way out of service.
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { toastError } from "../../shared/components/Toast";
import { useDraft } from "../parts/draft";
import { Form } from "../parts/Form";
import { ListField, SelectField, TextField } from "../parts/fields";
import { ReasonDialog } from "../parts/Reason";
import { refreshRoster, roster } from "../store";
import * as api from "./api";
import { facts, fieldWords, typed, valueWords } from "./facts";
import { NewOfficer } from "./NewOfficer";
import { OfficerDialog } from "./OfficerDialog";
import { Doing } from "./Units";
import { t } from "./words";

export function UnitPage({ id }: { id: string }) {
  const unit = useSignal<api.KeptUnit | null>(null);
  const stations = useSignal<string[]>([]);
  useEffect(() => {
    void refreshRoster();
    Promise.all([api.one(id), api.list({ q: "", station: "", state: "active", offset: 0 })]).then(
      ([found, page]) => {
        stations.value = page.stations;
        unit.value = found;
      },
      toastError,
    );
  }, [id]);
  if (!unit.value) return <p class="admin-note">{t("app.loading")}</p>;
  return (
    <>
      <header class="admin-head">
        <h2>
          <a class="admin-back" href="#units" aria-label={t("unit.back")} data-testid="unit-back">
            ‹
          </a>
          {unit.value.call_sign}
        </h2>
      </header>
      <p class="admin-about" data-testid="unit-doing">
        <Doing unit={unit.value} />
      </p>
      <div class="admin-cards">
        {unit.value.retired_at ? <Past unit={unit.value} /> : <Kept unit={unit} stations={stations.value} />}
        <div class="admin-column">
          {!unit.value.retired_at && <Crew unit={unit} />}
          <Devices unit={unit.value} />
          {!unit.value.retired_at && <Retire unit={unit} />}
        </div>
      </div>
    </>
  );
}

function Kept({ unit, stations }: { unit: Signal<api.KeptUnit | null>; stations: string[] }) {
  const shown = unit.value as api.KeptUnit;
  const draft = useDraft(typed(shown));
  const adding = useSignal(false);
  const officers = roster.value.officers.map(({ badge, name }) => [badge, name] as const);
  const leaders = officers.map(([badge, name]) => [badge, `${name} ${badge}`] as const);

  async function save() {
    unit.value = await api.change(shown.id, facts(draft.was.value), facts(draft.now.value));
    draft.settle(typed(unit.value));
    void refreshRoster();
  }

  return (
    <section class="admin-card" aria-label={t("unit.facts")}>
      <h3>{t("unit.facts")}</h3>
      <Form draft={draft} mark="unit" save={save} fieldWords={fieldWords} valueWords={valueWords}>
        <div class="admin-pair">
          <TextField draft={draft} name="call_sign" label={t("unit.call_sign")} maxLength={32} />
          <SelectField
            draft={draft}
            name="kind"
            label={t("unit.kind")}
            options={api.KINDS.map((kind) => [kind, t(`unit.${kind}`)] as const)}
          />
          <SelectField
            draft={draft}
            name="station"
            label={t("unit.station")}
            options={[["", t("unit.none")], ...stations.map((name) => [name, name] as const)]}
          />
          <TextField draft={draft} name="squad" label={t("unit.squad")} maxLength={80} />
          <TextField draft={draft} name="plate" label={t("unit.plate")} maxLength={32} />
          <TextField draft={draft} name="area" label={t("unit.area")} maxLength={80} />
        </div>
        <ListField
          draft={draft}
          name="officers"
          label={t("unit.officers")}
          hint={t("unit.officers.hint")}
          options={officers}
          removeWords={(badge) => t("unit.take_out", { what: badge })}
          addWords={t("unit.add")}
        />
        <div>
          <Button
            size="small"
            icon="plus"
            data-testid="officer-new"
            onClick={() => {
              adding.value = true;
            }}
          >
            {t("officer.new")}
          </Button>
        </div>
        <SelectField
          draft={draft}
          name="leader"
          label={t("unit.leader")}
          hint={t("unit.leader.hint")}
          options={[["", t("unit.none")], ...leaders]}
        />
        <ListField
          draft={draft}
          name="equipment"
          label={t("unit.equipment")}
          options={[]}
          free
          removeWords={(what) => t("unit.take_out", { what })}
          addWords={t("unit.add")}
        />
      </Form>
      {adding.value && (
        <NewOfficer
          unitId={shown.id}
          onClose={() => {
            adding.value = false;
          }}
          onMade={async () => {
            const now = await api.one(shown.id);
            unit.value = now;
            draft.settle(typed(now));
            void refreshRoster();
          }}
        />
      )}
    </section>
  );
}

/** Those who are in it: what each can do, and to be changed. */
function Crew({ unit }: { unit: Signal<api.KeptUnit | null> }) {
  const opened = useSignal<api.Officer | null>(null);
  const { id, officers } = unit.value as api.KeptUnit;
  return (
    <section class="admin-card" aria-label={t("crew.title")}>
      <h3>{t("crew.title")}</h3>
      {officers.length === 0 && <p class="admin-soft">{t("crew.nobody")}</p>}
      <ul class="admin-sessions" data-testid="crew">
        {officers.map((officer) => (
          <li key={officer.badge} data-testid="crew-officer">
            <span>
              {officer.name} {officer.badge}
              <span class="admin-soft">
                {[officer.phone, officer.skills.join(t("list.comma"))].filter(Boolean).join(" · ")}
              </span>
            </span>
            <Button
              size="small"
              data-testid="officer-open"
              aria-label={t("crew.change.who", { badge: officer.badge })}
              onClick={() => {
                opened.value = officer;
              }}
            >
              {t("crew.change")}
            </Button>
          </li>
        ))}
      </ul>
      {opened.value && (
        <OfficerDialog
          officer={opened.value}
          onChanged={async () => {
            unit.value = await api.one(id);
            void refreshRoster();
          }}
          onClose={() => {
            opened.value = null;
          }}
        />
      )}
    </section>
  );
}

function Past({ unit }: { unit: api.KeptUnit }) {
  return (
    <section class="admin-card" aria-label={t("unit.facts")}>
      <h3>{t("unit.facts")}</h3>
      <p>{t("unit.past")}</p>
      <p class="admin-soft">
        {[t(`unit.${unit.kind}`), unit.station, unit.squad, unit.plate, unit.area]
          .filter(Boolean)
          .join(" · ")}
      </p>
    </section>
  );
}

function Devices({ unit }: { unit: api.KeptUnit }) {
  return (
    <section class="admin-card" aria-label={t("unit.carries")}>
      <h3>{t("unit.devices")}</h3>
      {unit.devices.length === 0 && <p class="admin-soft">{t("unit.no_devices")}</p>}
      <ul data-testid="unit-devices">
        {unit.devices.map(({ id, kind, model }) => (
          <li key={id} class="admin-kind">
            <Icon name={kind} size={14} />
            {id}
            <span class="admin-soft">{model || t(`device.${kind}`)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Retire({ unit }: { unit: Signal<api.KeptUnit | null> }) {
  const asking = useSignal(false);
  const { id, call_sign } = unit.value as api.KeptUnit;
  return (
    <section class="admin-card" aria-label={t("retire.title")}>
      <h3>{t("retire.title")}</h3>
      <p class="admin-soft">{t("retire.about")}</p>
      <div class="admin-deeds">
        <Button
          kind="danger"
          data-testid="unit-retire"
          onClick={() => {
            asking.value = true;
          }}
        >
          {t("retire.do")}
        </Button>
      </div>
      {asking.value && (
        <ReasonDialog
          title={t("retire.ask", { call_sign })}
          about={t("retire.about")}
          confirm={t("retire.do")}
          suggestions={t("retire.reasons").split("|")}
          onConfirm={async (reason) => {
            unit.value = await api.retire(id, reason);
          }}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </section>
  );
}
