// Everybody who may sign in: looked for, listed page by page, one of them opened.
//
// Marks: people, person-row[data-user], people-search, people-role, people-station, people-state, people-new;
// new-person and person (forms), may-do, roles, person-back, sessions, session, session-end, sessions-end,
// person-disable, person-enable, person-reset.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Age } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import { Pager } from "../parts/Pager";
import { subject } from "../sections";
import * as api from "./api";
import { NewPerson } from "./NewPerson";
import { PersonPage } from "./PersonPage";
import { ROLES, stateWords } from "./rolewords";
import { t } from "./words";

const TYPING_MS = 250;
const STATES = ["active", "disabled", "all"] as const;
const NOTHING: api.Wanted = { q: "", role: "", station: "", state: "active", offset: 0 };

export function People() {
  return subject.value ? <PersonPage key={subject.value} id={subject.value} /> : <List />;
}

function List() {
  const wanted = useSignal(NOTHING);
  const found = useSignal<api.PeoplePage | null>(null);
  const adding = useSignal(false);
  const narrow = (patch: Partial<api.Wanted>) => {
    wanted.value = { ...wanted.value, offset: 0, ...patch };
  };
  const asked = wanted.value;
  useEffect(() => {
    const timer = setTimeout(
      () => {
        api.list(asked).then((page) => {
          if (wanted.peek() === asked) found.value = page;
        }, toastError);
      },
      asked.q && found.peek() ? TYPING_MS : 0,
    );
    return () => clearTimeout(timer);
  }, [asked]);
  const page = found.value;
  return (
    <>
      <header class="admin-head">
        <h2>{t("people.title")}</h2>
        <Button
          kind="primary"
          icon="plus"
          data-testid="people-new"
          onClick={() => {
            adding.value = true;
          }}
        >
          {t("people.new")}
        </Button>
      </header>
      <search class="admin-tools">
        <label class="field">
          <span>{t("people.search")}</span>
          <input
            class="input"
            type="search"
            data-testid="people-search"
            value={wanted.value.q}
            onInput={(event) => narrow({ q: event.currentTarget.value })}
          />
        </label>
        <Choice
          name="role"
          value={wanted.value.role}
          options={ROLES.map((role) => [role, t(`role.${role}`)])}
          onChange={(role) => narrow({ role })}
        />
        <Choice
          name="station"
          value={wanted.value.station}
          options={(page?.stations ?? []).map((name) => [name, name])}
          onChange={(station) => narrow({ station })}
        />
        <label class="field admin-narrow">
          <span>{t("people.filter.state")}</span>
          <select
            class="input"
            data-testid="people-state"
            value={wanted.value.state}
            onChange={(event) => narrow({ state: event.currentTarget.value as api.Wanted["state"] })}
          >
            {STATES.map((state) => (
              <option key={state} value={state}>
                {t(`people.state.${state}`)}
              </option>
            ))}
          </select>
        </label>
        {page && (
          <Pager
            mark="people"
            offset={wanted.value.offset}
            length={page.people.length}
            total={page.total}
            pageLength={api.PAGE_LENGTH}
            onTurn={(offset) => narrow({ offset })}
          />
        )}
      </search>
      {page ? <Table people={page.people} /> : <p class="admin-note">{t("app.loading")}</p>}
      {adding.value && (
        <NewPerson
          onClose={() => {
            adding.value = false;
          }}
          onMade={() => narrow({})}
        />
      )}
    </>
  );
}

interface ChoiceProperties {
  name: "role" | "station";
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}

function Choice({ name, value, options, onChange }: ChoiceProperties) {
  return (
    <label class="field admin-narrow">
      <span>{t(`people.filter.${name}`)}</span>
      <select
        class="input"
        data-testid={`people-${name}`}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        <option value="">{t("people.filter.any")}</option>
        {options.map(([each, words]) => (
          <option key={each} value={each}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

function Table({ people }: { people: api.Person[] }) {
  if (people.length === 0) return null;
  return (
    <table class="admin-table" data-testid="people">
      <thead>
        <tr>
          <th scope="col">{t("people.column.name")}</th>
          <th scope="col">{t("people.column.badge")}</th>
          <th scope="col">{t("people.column.station")}</th>
          <th scope="col">{t("people.column.roles")}</th>
          <th scope="col">{t("people.column.seen")}</th>
        </tr>
      </thead>
      <tbody>
        {people.map((person) => (
          <Row key={person.id} person={person} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ person }: { person: api.Person }) {
  const { id, username, display_name, officer_badge, station, call_sign, roles } = person;
  const state = stateWords(person);
  return (
    <tr data-testid="person-row" data-user={username} data-off={person.disabled_at !== null}>
      <th scope="row">
        <a class="admin-open" href={`#people/${id}`}>
          {display_name}
        </a>
        <span class="admin-soft">{username}</span>
      </th>
      <td data-label={t("people.column.badge")}>{officer_badge ?? <None />}</td>
      <td data-label={t("people.column.station")}>
        {station ?? <None />}
        {call_sign && <span class="admin-soft">{call_sign}</span>}
      </td>
      <td data-label={t("people.column.roles")}>
        {roles.map((role) => t(`role.${role}`)).join(t("list.comma"))}
        {state && <span class="admin-soft">{state}</span>}
      </td>
      <td data-label={t("people.column.seen")}>
        <Age at={person.last_seen_at} />
        {person.sessions > 0 && (
          <span class="admin-soft">{t("people.sessions", { n: person.sessions })}</span>
        )}
      </td>
    </tr>
  );
}

const None = () => <span class="admin-none">–</span>;
