// A week's plan made another week's, too: local times stay what they are.
import { Dialog } from "../../shared/components/Dialog";
import { toast } from "../../shared/components/Toast";
import { useDraft } from "../parts/draft";
import { Form } from "../parts/Form";
import { WhenField } from "../parts/fields";
import * as api from "./api";
import { dayAfter, dayText, WEEK_DAYS } from "./days";
import { goTo, monday } from "./store";
import { t } from "./words";

export function CopyWeek({ onClose }: { onClose: () => void }) {
  const from = dayText(monday.value);
  const draft = useDraft({ to_day: dayText(dayAfter(monday.value, WEEK_DAYS)) });

  async function save() {
    const { to_day } = draft.now.value;
    const { made, left } = await api.copy(from, to_day);
    toast(t(left ? "copy.done.left" : "copy.done", { made, left }));
    const [year = 0, month = 1, day = 1] = to_day.split("-").map(Number);
    goTo(new Date(year, month - 1, day));
    onClose();
  }

  return (
    <Dialog title={t("copy.title", { from })} onClose={onClose}>
      <p>{t("copy.about")}</p>
      <Form
        draft={draft}
        mark="copy"
        fresh
        save={save}
        saveWords={t("copy.do")}
        fieldWords={() => t("copy.to")}
        onClose={onClose}
      >
        <WhenField draft={draft} name="to_day" type="date" label={t("copy.to")} />
      </Form>
    </Dialog>
  );
}
