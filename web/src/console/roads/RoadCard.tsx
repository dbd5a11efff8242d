// A card about the road under a click: what it is, and what our drives say of it.
//
// Marks for browser tests (data-testid): road-card, road-card-close, roads-learned.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { toastError } from "../../shared/components/Toast";
import { type RoadSpot, roadSpot } from "../store";
import type { NearEdge } from "./api";
import * as api from "./api";
import { Learned } from "./Learned";
import { roadWords, t } from "./words";

const CLICK_PX = 8;

export function RoadCard({ spot }: { spot: RoadSpot }) {
  const road = useSignal<NearEdge | null>(null);
  useEffect(() => {
    let gone = false;
    api.near(spot.at, CLICK_PX * spot.metresPerPixel).then(([nearest]) => {
      if (gone) return;
      road.value = nearest ?? null;
      if (!nearest) close();
    }, toastError);
    return () => {
      gone = true;
    };
  }, [spot]);
  if (!road.value) return null;
  return (
    <section class="road-card" aria-label={t("learned.title")} data-testid="road-card">
      <header>
        <b>{roadWords(road.value)}</b>
        <Button
          size="small"
          aria-label={t("app.close")}
          title={`${t("app.close")} (Esc)`}
          data-testid="road-card-close"
          onClick={close}
        >
          ×
        </Button>
      </header>
      <Learned road={road.value} />
    </section>
  );
}

function close(): void {
  roadSpot.value = null;
}
