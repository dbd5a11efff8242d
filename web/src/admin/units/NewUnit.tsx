// A new unit: its call sign, kind and station; crew and devices come afterwards, on its page.
import { Dialog } from "../../shared/components/Dialog";
import type { UnitKind } from "../../shared/types";
import { useDraft } from "../parts/draft";
import { Form } from "../parts/Form";
import { SelectField, TextField } from "../parts/fields";
import { leave } from "../parts/leaving";
import * as api from "./api";
import { fieldWords } from "./facts";
import { t } from "./words";

interface Typed {
  call_sign: string;
  kind: UnitKind;
  station: string;
}

const EMPTY: Typed = { call_sign: "", kind: "patrol_car", station: "" };

export function NewUnit({ stations, onClose }: { stations: string[]; onClose: () => void }) {
  const draft = useDraft(EMPTY);

  async function save() {
    const { call_sign, kind, station } = draft.now.value;
    const unit = { call_sign: call_sign.trim(), kind };
    const made = await api.create(station ? { ...unit, station } : unit);
    draft.settle(EMPTY);
    onClose();
    location.assign(`#units/${made.id}`);
  }

  return (
    <Dialog title={t("units.new")} onClose={onClose} onLeave={() => leave(onClose, draft.dirty.value)}>
      <Form
        draft={draft}
        mark="new-unit"
        save={save}
        saveWords={t("units.create")}
        fieldWords={fieldWords}
        onClose={onClose}
      >
        <TextField draft={draft} name="call_sign" label={t("unit.call_sign")} maxLength={32} autofocus />
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
      </Form>
    </Dialog>
  );
}
