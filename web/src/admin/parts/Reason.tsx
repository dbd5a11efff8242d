// Something that is not done without saying why: the reason stands in the command log.
import { Dialog } from "../../shared/components/Dialog";
import { useDraft } from "./draft";
import { Form } from "./Form";
import { TextField } from "./fields";
import { leave } from "./leaving";
import { t } from "./words";

interface Properties {
  title: string;
  about: string;
  confirm: string;
  suggestions?: string[];
  /** Throws what the server says. */
  onConfirm: (reason: string) => Promise<void>;
  onClose: () => void;
}

export function ReasonDialog({ title, about, confirm, suggestions = [], onConfirm, onClose }: Properties) {
  const draft = useDraft({ reason: "" });
  return (
    <Dialog title={title} onClose={onClose} onLeave={() => leave(onClose, draft.dirty.value)}>
      <p>{about}</p>
      <Form
        draft={draft}
        mark="reason"
        fresh
        saveWords={confirm}
        fieldWords={() => t("reason.label")}
        save={async () => {
          await onConfirm(draft.now.value.reason.trim());
          draft.settle({ reason: "" });
          onClose();
        }}
        onClose={onClose}
      >
        <TextField draft={draft} name="reason" label={t("reason.label")} options={suggestions} autofocus />
      </Form>
    </Dialog>
  );
}
