// One person: what he is called and may do, where he is signed in, and how he is shut out.
import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import { useDraft } from "../parts/draft";
import { Form } from "../parts/Form";
import { ChecksField, PasswordField, TextField } from "../parts/fields";
import { Access } from "./Access";
import * as api from "./api";
import { MayDo } from "./MayDo";
import { fieldWords, valueWords } from "./PersonFields";
import { ROLES, stateWords } from "./rolewords";
import { Sessions } from "./Sessions";
import { t } from "./words";

export function PersonPage({ id }: { id: string }) {
  const one = useSignal<api.OnePerson | null>(null);
  useEffect(() => {
    api.one(id).then((answer) => {
      one.value = answer;
    }, toastError);
  }, [id]);
  if (!one.value) return <p class="admin-note">{t("app.loading")}</p>;
  const { person } = one.value;
  const state = stateWords(person);
  return (
    <>
      <header class="admin-head">
        <h2>
          <a class="admin-back" href="#people" aria-label={t("person.back")} data-testid="person-back">
            ‹
          </a>
          {person.display_name}
          {state && <span class="admin-state">{state}</span>}
        </h2>
      </header>
      <p class="admin-about">
        {t("person.since")} <Time at={person.created_at} seconds={false} />
        {person.station && ` · ${person.station}`}
        {person.call_sign && ` · ${person.call_sign}`}
        {person.officer_name && ` · ${t("person.officer", { name: person.officer_name })}`}
      </p>
      <div class="admin-cards">
        <Account one={one} />
        <div class="admin-column">
          <Sessions one={one} />
          <Access one={one} />
        </div>
      </div>
    </>
  );
}

/** What can be changed; reason and password only go along. */
interface Typed {
  display_name: string;
  officer_badge: string;
  roles: api.Facts["roles"];
  reason: string;
  password: string;
}

const typed = ({ display_name, officer_badge, roles }: api.Person): Typed => ({
  display_name,
  officer_badge: officer_badge ?? "",
  roles: ROLES.filter((role) => roles.includes(role)),
  reason: "",
  password: "",
});

const facts = ({ display_name, officer_badge, roles }: Typed): api.Facts => ({
  display_name: display_name.trim(),
  officer_badge: officer_badge.trim() || null,
  roles,
});

function Account({ one }: { one: Signal<api.OnePerson | null> }) {
  const { person, sessions } = one.value as api.OnePerson;
  const draft = useDraft(typed(person));
  const now = draft.now.value;
  const was = draft.was.value;
  const isOwn = sessions.some(({ own }) => own);
  const rolesChange = String(now.roles) !== String(was.roles);
  const gains = now.roles.some((role) => !was.roles.includes(role));

  async function save() {
    const answer = await api.change(person.id, facts(was), facts(now), now.reason.trim(), now.password);
    draft.settle(typed(answer.person));
    one.value = answer;
  }

  return (
    <section class="admin-card" aria-label={t("person.account")}>
      <h3>{t("person.account")}</h3>
      <Form draft={draft} mark="person" save={save} fieldWords={fieldWords} valueWords={valueWords}>
        <p class="admin-fact">
          {t("person.username")} <code>{person.username}</code>
        </p>
        <TextField draft={draft} name="display_name" label={t("person.display_name")} />
        <TextField
          draft={draft}
          name="officer_badge"
          label={t("person.officer_badge")}
          hint={t("person.officer_badge.hint")}
        />
        <ChecksField
          draft={draft}
          name="roles"
          label={t("person.roles")}
          options={ROLES.map((role) => [role, t(`role.${role}`)] as const)}
        />
        {rolesChange && <TextField draft={draft} name="reason" label={t("person.reason")} />}
        {isOwn && gains && (
          <PasswordField
            draft={draft}
            name="password"
            label={t("person.password")}
            hint={t("person.password.hint")}
          />
        )}
      </Form>
      <MayDo roles={now.roles} />
    </section>
  );
}
