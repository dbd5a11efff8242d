// Somebody new: what he signs in with, what he may do, and the password that he gets once.
import { useSignal } from "@preact/signals";
import { Dialog } from "../../shared/components/Dialog";
import type { Role } from "../../shared/types";
import { useDraft } from "../parts/draft";
import { Form } from "../parts/Form";
import { ChecksField, TextField } from "../parts/fields";
import { leave } from "../parts/leaving";
import { Secret } from "../parts/Secret";
import * as api from "./api";
import { MayDo } from "./MayDo";
import { fieldWords, valueWords } from "./PersonFields";
import { ROLES } from "./rolewords";
import { t } from "./words";

const EMPTY = { username: "", display_name: "", officer_badge: "", roles: [] as Role[] };

export function NewPerson({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const draft = useDraft(EMPTY);
  const made = useSignal<{ username: string; password: string } | null>(null);
  const { username, display_name, officer_badge, roles } = draft.now.value;

  async function save() {
    const badge = officer_badge.trim();
    const person = { username: username.trim(), display_name: display_name.trim(), roles };
    const answer = await api.create(badge ? { ...person, officer_badge: badge } : person);
    draft.settle(EMPTY);
    made.value = { username: answer.username, password: answer.one_time_password };
    onMade();
  }

  if (made.value) {
    const { username: name, password } = made.value;
    return (
      <Secret
        title={t("password.title", { name })}
        about={t("password.about")}
        secret={password}
        onClose={onClose}
      />
    );
  }
  return (
    <Dialog title={t("people.new")} onClose={onClose} onLeave={() => leave(onClose, draft.dirty.value)}>
      <Form
        draft={draft}
        mark="new-person"
        save={save}
        saveWords={t("people.create")}
        fieldWords={fieldWords}
        valueWords={valueWords}
        onClose={onClose}
      >
        <TextField
          draft={draft}
          name="username"
          label={t("person.username")}
          hint={t("person.username.hint")}
          autofocus
        />
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
        <MayDo roles={roles} />
      </Form>
    </Dialog>
  );
}
