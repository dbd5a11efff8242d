// The run cards as a section of the administrator's page.
import { RunCardsPage } from "../shared/runcards/Page";
import { signedIn } from "./store";

export function RunCards() {
  return <RunCardsPage user={signedIn.value} actorWords={(actor) => actor.replace(/^user:/, "")} />;
}
