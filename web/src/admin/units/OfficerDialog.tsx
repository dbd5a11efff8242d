// An officer of the crew: name, telephone, and what he can do as the run cards name it.
import { Dialog } from "../../shared/components/Dialog";
import { toast } from "../../shared/components/Toast";
import { useDraft } from "../parts/draft";
import { Form } from "../parts/Form";
import { ListField, TextField } from "../parts/fields";
import { leave } from "../parts/leaving";
import * as api from "./api";
import { valueWords } from "./facts";
import { t } from "./words";

interface Properties {
  officer: api.Officer;
  onChanged: () => Promise<void>;
  onClose: () => void;
}

const factsOf = ({ name, phone, skills }: api.OfficerFacts): api.OfficerFacts => ({
  name: name.trim(),
  phone: phone.trim(),
  skills,
});

export function OfficerDialog({ officer, onChanged, onClose }: Properties) {
  const { badge, name, phone, skills } = officer;
  const draft = useDraft({ name, phone, skills });

  async function save() {
    await api.changeOfficer(badge, factsOf(draft.was.value), factsOf(draft.now.value));
    draft.settle(draft.now.value);
    await onChanged();
    toast(t("officer.changed", { badge }));
    onClose();
  }

  return (
    <Dialog
      title={t("officer.title", { badge })}
      onClose={onClose}
      onLeave={() => leave(onClose, draft.dirty.value)}
    >
      <Form
        draft={draft}
        mark="officer"
        save={save}
        fieldWords={(field) => t.loose(`officer.${field}`, {}, field)}
        valueWords={valueWords}
        onClose={onClose}
      >
        <TextField draft={draft} name="name" label={t("officer.name")} maxLength={80} />
        <TextField draft={draft} name="phone" label={t("officer.phone")} maxLength={32} />
        <ListField
          draft={draft}
          name="skills"
          label={t("officer.skills")}
          hint={t("officer.skills.hint")}
          options={[]}
          free
          removeWords={(what) => t("unit.take_out", { what })}
          addWords={t("unit.add")}
        />
      </Form>
    </Dialog>
  );
}
