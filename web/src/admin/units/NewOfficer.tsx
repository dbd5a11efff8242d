// Somebody who is not on the roster yet, into this unit.
import { Dialog } from "../../shared/components/Dialog";
import { useDraft } from "../parts/draft";
import { Form } from "../parts/Form";
import { TextField } from "../parts/fields";
import { leave } from "../parts/leaving";
import * as api from "./api";
import { t } from "./words";

const EMPTY = { badge: "", name: "", phone: "" };

interface Properties {
  unitId: string;
  onMade: () => Promise<void>;
  onClose: () => void;
}

export function NewOfficer({ unitId, onMade, onClose }: Properties) {
  const draft = useDraft(EMPTY);

  async function save() {
    const { badge, name, phone } = draft.now.value;
    const officer = { badge: badge.trim(), name: name.trim(), phone: phone.trim() };
    await api.createOfficer({ ...officer, unit_id: unitId });
    draft.settle(EMPTY);
    await onMade();
    onClose();
  }

  return (
    <Dialog title={t("officer.new")} onClose={onClose} onLeave={() => leave(onClose, draft.dirty.value)}>
      <Form
        draft={draft}
        mark="new-officer"
        save={save}
        saveWords={t("units.create")}
        fieldWords={(name) => t.loose(`officer.${name}`, {}, name)}
        onClose={onClose}
      >
        <TextField draft={draft} name="badge" label={t("officer.badge")} maxLength={32} autofocus />
        <TextField draft={draft} name="name" label={t("officer.name")} maxLength={80} />
        <TextField draft={draft} name="phone" label={t("officer.phone")} maxLength={32} />
      </Form>
    </Dialog>
  );
}
