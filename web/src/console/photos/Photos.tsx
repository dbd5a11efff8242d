// What officers photographed at the scene: small ones in a row, one of them large.
//
// Marks for browser tests: photos, photo (data-photo, data-gone), photo-large.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import type { Incident, Photo } from "../../shared/types";
import { t } from "./words";

const DIGITS = 5;

export function Photos({ incident }: { incident: Incident }) {
  const found = useSignal<Photo[]>([]);
  const large = useSignal<number | null>(null);
  useEffect(() => {
    let other = false;
    call<Photo[]>("GET", `/api/incidents/${incident.id}/photos`).then((photos) => {
      if (!other) found.value = photos;
    }, toastError);
    return () => {
      other = true;
    };
  }, [incident.id, incident.photos]);
  const photos = found.value;
  if (photos.length === 0) return null;
  const shown = large.value === null ? undefined : photos[large.value];
  return (
    <section class="photos" data-testid="photos">
      <h3 class="group-title">
        {t("photos")} <span>{photos.length}</span>
      </h3>
      <ul>
        {photos.map((photo, index) => (
          <li key={photo.id} data-testid="photo" data-photo={photo.id} data-gone={photo.gone}>
            {photo.gone ? (
              <span class="photo-gone">{t(`photo.gone.${photo.gone}`)}</span>
            ) : (
              <button
                type="button"
                onClick={() => {
                  large.value = index;
                }}
              >
                <img src={`/api/photos/${photo.id}/small`} alt={altOf(photo)} loading="lazy" />
              </button>
            )}
            <small>
              {photo.call_sign} <Time at={photo.taken_at ?? photo.received_at} />
            </small>
          </li>
        ))}
      </ul>
      {shown && (
        <Large
          photo={shown}
          onStep={(step) => {
            large.value = nextShown(photos, (large.peek() ?? 0) + step, step);
          }}
          onClose={() => {
            large.value = null;
          }}
        />
      )}
    </section>
  );
}

const altOf = ({ number, call_sign }: Photo): string => t("photo.alt", { n: number, call_sign });

/** The next that can be shown, around the end. */
function nextShown(photos: readonly Photo[], from: number, step: number): number {
  const { length } = photos;
  for (let n = 0; n < length; n++) {
    const index = (from + n * step + length * length) % length;
    if (!photos[index]?.gone) return index;
  }
  return 0;
}

function Large({
  photo,
  onStep,
  onClose,
}: {
  photo: Photo;
  onStep: (step: number) => void;
  onClose: () => void;
}) {
  const { call_sign, order, by, lon, lat, width, height, size, sha256 } = photo;
  useEffect(() => {
    const step = ({ key }: KeyboardEvent) => {
      if (key === "ArrowLeft" || key === "ArrowRight") onStep(key === "ArrowLeft" ? -1 : 1);
    };
    document.addEventListener("keydown", step);
    return () => document.removeEventListener("keydown", step);
  }, [onStep]);
  const facts = { width, height, kb: Math.round(size / 1000) };
  return (
    <Dialog title={altOf(photo)} onClose={onClose}>
      <div class="photo-large" data-testid="photo-large">
        <img src={`/api/photos/${photo.id}`} alt={altOf(photo)} width={width} height={height} />
        <p>
          {t("photo.order", { call_sign, n: order })}
          {by && ` · ${t("photo.by", { by })}`}
          {photo.taken_at && (
            <>
              {` · ${t("photo.taken")} `}
              <Time at={photo.taken_at} />
            </>
          )}
          {` · ${t("photo.received")} `}
          <Time at={photo.received_at} />
          {" · "}
          {lon === null || lat === null
            ? t("photo.no_place")
            : t("photo.place", { lat: lat.toFixed(DIGITS), lon: lon.toFixed(DIGITS) })}
        </p>
        <p class="row-soft">
          {t("photo.size", facts)} · {t("photo.hash")} <code>{sha256}</code>
        </p>
        <div class="dialog-actions">
          <Button data-testid="photo-before" onClick={() => onStep(-1)}>
            ← {t("photo.before")}
          </Button>
          <Button data-testid="photo-next" onClick={() => onStep(1)}>
            {t("photo.next")} →
          </Button>
          <Button kind="primary" onClick={onClose}>
            {t("app.close")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
