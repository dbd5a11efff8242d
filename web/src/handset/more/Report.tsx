// A report from the scene, or the result of an order: usual words by one tap, a note, photos. Everything is kept
// as soon as it is said, so that a page that dies in the middle is opened again where it was.
//
// Marks for browser tests: result (data-result), note, photo-take, photo-choose, photo (data-photo), photo-remove,
// photo-place, report-busy, report-trouble, note-send, report-drop.
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toastError } from "../../shared/components/Toast";
import { language } from "../../shared/i18n";
import type { Desk } from "../orders";
import { incidentTypes } from "../orders";
import { AlbumFull, type Draft, PHOTOS_KEPT_MAX, type StoredPhoto } from "../photos";
import { isFull, roomIsLow } from "../room";
import type { StoredOrder } from "../stored";
import { Picture, sizeText } from "./Picture";
import { asPhoto, shrink, Unreadable } from "./shrink";
import { t } from "./words";

const NOTE_LEN_MAX = 1000;
const PLACE_KEY = "ridgeline.photo_place";

const RESULTS = {
  feedback: ["controlled", "searching", "backup", "medical", "blocked"],
  done: ["handled", "nobody", "false_alarm", "handed_over"],
} as const;

interface Properties {
  order: StoredOrder;
  step: Draft["step"];
  desk: Desk;
  onClose: () => void;
}

export function Report(properties: Properties) {
  const { order, step, desk, onClose } = properties;
  const found = useSignal<Draft | null>(null);
  useEffect(() => {
    const fresh: Draft = {
      order: order.id,
      step,
      note: "",
      results: [],
      place: localStorage.getItem(PLACE_KEY) !== "no",
      at: Date.now(),
    };
    desk.album.draft(order.id).then((kept) => {
      found.value = kept ? { ...kept, step } : fresh;
    }, toastError);
  }, []);
  return (
    <Dialog title={t(`${step}.title`)} onClose={onClose}>
      {found.value && <Form {...properties} draft={found as Signal<Draft>} />}
    </Dialog>
  );
}

function Form({ order, step, desk, onClose, draft }: Properties & { draft: Signal<Draft> }) {
  const photos = useSignal<StoredPhoto[]>([]);
  const busy = useSignal(0);
  const trouble = useSignal("");
  const sending = useSignal(false);
  const note = useRef<HTMLTextAreaElement>(null);

  const readPhotos = async () => {
    const all = await desk.album.all();
    photos.value = all.filter((photo) => photo.order === order.id && photo.state === "draft");
  };
  const fail = (error: unknown) => {
    trouble.value = troubleWords(error);
  };
  const keep = (change: Partial<Draft>) => {
    draft.value = { ...draft.value, ...change, at: Date.now() };
    return desk.album.keepDraft(draft.value).then(() => desk.countUnsent(), fail);
  };
  useEffect(() => void readPhotos().catch(fail), []);

  async function take(files: readonly File[]) {
    trouble.value = "";
    busy.value += files.length;
    await keep({});
    for (const file of files) {
      try {
        const image = await shrink(file);
        await desk.album.add(await asPhoto(file, image, order.id, desk.grant.badge), image);
        await readPhotos();
      } catch (error) {
        fail(error);
        if (isFull(error)) roomIsLow.value = true;
      }
      busy.value -= 1;
    }
  }

  const text = () =>
    [...draft.value.results.map(resultWords), draft.value.note.trim()]
      .filter(Boolean)
      .join(language.value === "zh" ? "；" : "; ");
  const isEmpty = text() === "" && photos.value.length === 0;

  async function send() {
    sending.value = true;
    try {
      await keep({});
      await desk.step(order, step, { note: text().slice(0, NOTE_LEN_MAX) });
      desk.sender.wake();
      onClose();
    } catch (error) {
      fail(error);
      sending.value = false;
    }
  }

  const toggle = (result: string) => {
    const { results } = draft.value;
    const next = results.includes(result) ? results.filter((each) => each !== result) : [...results, result];
    void keep({ results: next });
  };
  const type = incidentTypes.value.find(({ code }) => code === order.body.incident.type);
  const steps = (type?.steps ?? []).map((each) => each[language.value]);

  return (
    <form
      class="report"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <fieldset class="report-results">
        <legend>{t("results")}</legend>
        {RESULTS[step].map((result) => (
          <Result key={result} value={result} chosen={draft.value.results} onToggle={toggle} />
        ))}
      </fieldset>
      {steps.length > 0 && (
        <details class="report-steps">
          <summary>
            {t("results.steps", { n: draft.value.results.filter((each) => steps.includes(each)).length })}
          </summary>
          <div class="report-results">
            {steps.map((each) => (
              <Result key={each} value={each} chosen={draft.value.results} onToggle={toggle} />
            ))}
          </div>
        </details>
      )}
      <label class="field">
        <span>{t(`${step}.label`)}</span>
        <textarea
          ref={note}
          class="input"
          rows={3}
          maxLength={NOTE_LEN_MAX - 300}
          value={draft.value.note}
          data-testid="note"
          onInput={({ currentTarget }) => void keep({ note: currentTarget.value })}
        />
      </label>
      <Photos photos={photos.value} desk={desk} onGone={() => void readPhotos().catch(fail)} />
      {busy.value > 0 && (
        <p class="notice" role="status" data-testid="report-busy">
          {t("photo.busy", { n: busy.value })}
        </p>
      )}
      {trouble.value && (
        <p class="notice" data-kind="bad" role="alert" data-testid="report-trouble">
          {trouble.value}
        </p>
      )}
      {crypto.subtle ? (
        <Camera onFiles={(files) => void take(files)} />
      ) : (
        <p class="notice">{t("photo.insecure")}</p>
      )}
      {photos.value.length > 0 && (
        <label class="report-place">
          <input
            type="checkbox"
            checked={draft.value.place}
            data-testid="photo-place"
            onChange={({ currentTarget }) => {
              localStorage.setItem(PLACE_KEY, currentTarget.checked ? "yes" : "no");
              void keep({ place: currentTarget.checked });
            }}
          />
          <span>
            {t("photo.place")} <small>{t("photo.place.why")}</small>
          </span>
        </label>
      )}
      <div class="report-foot">
        <Button
          type="submit"
          size="large"
          kind="primary"
          busy={sending.value}
          disabled={busy.value > 0 || (step === "feedback" && isEmpty)}
          data-testid="note-send"
        >
          {t(`${step}.send`)}
        </Button>
        <div class="report-other">
          <Button kind="quiet" onClick={onClose}>
            {t("report.later")}
          </Button>
          {!isEmpty && (
            <Button
              kind="quiet"
              data-testid="report-drop"
              onClick={() =>
                void desk.album
                  .dropDraft(order.id)
                  .then(() => desk.countUnsent())
                  .then(onClose, fail)
              }
            >
              {t("report.drop")}
            </Button>
          )}
        </div>
      </div>
    </form>
  );
}

function Result({
  value,
  chosen,
  onToggle,
}: {
  value: string;
  chosen: readonly string[];
  onToggle: (value: string) => void;
}) {
  return (
    <button
      type="button"
      class="report-result"
      aria-pressed={chosen.includes(value)}
      data-testid="result"
      data-result={value}
      onClick={() => onToggle(value)}
    >
      {resultWords(value)}
    </button>
  );
}

/** What is tapped goes out as a sentence, in the language of the hour; a step of the checklist is its own. */
const resultWords = (value: string): string => t.loose(`result.${value}`, {}, value);

function Camera({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const camera = useRef<HTMLInputElement>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const taken = ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
    onFiles([...(currentTarget.files ?? [])]);
    currentTarget.value = "";
  };
  return (
    <div class="report-camera">
      <input ref={camera} type="file" accept="image/*" capture="environment" hidden onChange={taken} />
      <input
        ref={chooser}
        type="file"
        accept="image/*"
        multiple
        hidden
        data-testid="photo-files"
        onChange={taken}
      />
      <Button size="large" data-testid="photo-take" onClick={() => camera.current?.click()}>
        {t("photo.take")}
      </Button>
      <Button size="large" data-testid="photo-choose" onClick={() => chooser.current?.click()}>
        {t("photo.choose")}
      </Button>
    </div>
  );
}

function Photos({ photos, desk, onGone }: { photos: StoredPhoto[]; desk: Desk; onGone: () => void }) {
  if (photos.length === 0) return null;
  return (
    <ul class="report-photos">
      {photos.map((photo, index) => (
        <li key={photo.id} data-testid="photo" data-photo={photo.id} data-placed={photo.place !== null}>
          <Picture id={photo.id} album={desk.album} words={t("photo.no", { n: index + 1 })} />
          <span>{sizeText(photo.size)}</span>
          <Button
            kind="quiet"
            icon="close"
            aria-label={t("photo.remove", { n: index + 1 })}
            data-testid="photo-remove"
            onClick={() => void desk.album.remove(photo.id).then(onGone, toastError)}
          />
        </li>
      ))}
    </ul>
  );
}

function troubleWords(error: unknown): string {
  if (error instanceof AlbumFull) return t("photo.full", { n: PHOTOS_KEPT_MAX });
  if (error instanceof Unreadable) return t("photo.unreadable", { name: error.message });
  if (isFull(error)) return t("storage.full");
  return error instanceof Error ? error.message : t("report.trouble", { why: String(error) });
}
