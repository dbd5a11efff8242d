// A card about a click on the ground: where that is, which road is there, and what our drives say of it.
//
// Marks for browser tests (data-testid): road-card, road-card-close, roads-learned.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { toastError } from "../../shared/components/Toast";
import { withCap } from "../keys/table";
import { Coordinates } from "../map/tools/Coordinates";
import { type RoadSpot, roadSpot } from "../store";
import type { NearEdge } from "./api";
import * as api from "./api";
import { Learned } from "./Learned";
import { roadWords, t } from "./words";

const CLICK_PX = 8;

export function RoadCard({ spot }: { spot: RoadSpot }) {
  /** null: not known yet; undefined: there is none. */
  const road = useSignal<NearEdge | null | undefined>(null);
  useEffect(() => {
    let gone = false;
    road.value = null;
    api.near(spot.at, CLICK_PX * spot.metresPerPixel).then(([nearest]) => {
      if (!gone) road.value = nearest;
    }, toastError);
    return () => {
      gone = true;
    };
  }, [spot]);
  const found = road.value;
  return (
    <section
      class="road-card"
      aria-label={t("learned.title")}
      aria-busy={found === null}
      data-testid="road-card"
    >
      <header>
        <b>{found ? roadWords(found) : found === null ? "…" : t("roads.none_here")}</b>
        <Button
          size="small"
          aria-label={t("app.close")}
          title={withCap(t("app.close"), "back")}
          data-testid="road-card-close"
          onClick={close}
        >
          ×
        </Button>
      </header>
      <Coordinates at={spot.at} />
      {found && <Learned road={found} />}
    </section>
  );
}

function close(): void {
  roadSpot.value = null;
}
