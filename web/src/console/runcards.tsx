// The run cards as a page over the console.
import { RunCardsPage } from "../shared/runcards/Page";
import { cap } from "./keys/table";
import { togglePage, user } from "./store";
import { actorWords } from "./words";

export function RunCards() {
  return (
    <RunCardsPage
      user={user.value}
      actorWords={actorWords}
      close={{ cap: cap("runcards"), act: () => togglePage("runcards") }}
    />
  );
}
