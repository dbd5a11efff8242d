// The room of a dispatcher: the handover, every order by number, reminders, and what comes in from outside.
// Comes over the line when one of them is opened.
import { noting, page } from "../store";
import { HandoverPage } from "./Handover";
import { ReceiveDialog } from "./Receive";
import { RemindDialog } from "./Remind";

export function Room() {
  return (
    <>
      {page.value === "handover" && <HandoverPage />}
      {noting.value === "reminder" && <RemindDialog />}
      {noting.value === "intake" && <ReceiveDialog />}
    </>
  );
}
