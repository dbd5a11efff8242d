// Why not: one of the usual reasons, or words of one's own.
import { useRef } from "preact/hooks";
import { Button } from "../shared/components/Button";
import { Dialog } from "../shared/components/Dialog";
import { t } from "./words";

const REASONS = ["reason.road", "reason.vehicle", "reason.busy", "reason.crew"] as const;

export function DeclineDialog({
  onReason,
  onClose,
}: {
  onReason: (reason: string) => void;
  onClose: () => void;
}) {
  const other = useRef<HTMLInputElement>(null);
  return (
    <Dialog title={t("decline.title")} onClose={onClose}>
      <div class="order-reasons">
        {REASONS.map((reason) => (
          <Button key={reason} size="large" data-testid="reason" onClick={() => onReason(t(reason))}>
            {t(reason)}
          </Button>
        ))}
      </div>
      <form
        class="order-other"
        onSubmit={(event) => {
          event.preventDefault();
          onReason(other.current?.value.trim() ?? "");
        }}
      >
        <label class="field">
          <span>{t("decline.other")}</span>
          <input ref={other} class="input" required pattern=".*\S.*" maxLength={500} />
        </label>
        <Button type="submit" size="large" kind="danger">
          {t("decline.send")}
        </Button>
      </form>
      <Button kind="quiet" size="large" onClick={onClose}>
        {t("app.back")}
      </Button>
    </Dialog>
  );
}
