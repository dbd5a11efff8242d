// Everything that is on this handset and not at the server: what it is, since when, and why it waits.
//
// Marks for browser tests: unsent-panel, unsent-row (data-kind, data-why), unsent-retry, unsent-fixes,
// unsent-remove, unsent-drop, unsent-storage.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toastError } from "../../shared/components/Toast";
import { localTime } from "../../shared/time";
import { linkState } from "../link";
import { asks, type Desk, orders, unsent } from "../orders";
import type { Draft, StoredPhoto } from "../photos";
import { roomIsLow, usedBytes } from "../room";
import type { LocationRecord, SosRecord, StateRecord, UpRecord } from "../wire";
import { Picture, sizeText } from "./Picture";
import { t } from "./words";

interface Everything {
  records: { record: UpRecord; left: boolean }[];
  photos: StoredPhoto[];
  drafts: Draft[];
  usedBytes: number | null;
}

const NOTHING: Everything = { records: [], photos: [], drafts: [], usedBytes: null };

export function UnsentPanel({ desk, onClose }: { desk: Desk; onClose: () => void }) {
  const found = useSignal<Everything>(NOTHING);
  useEffect(() => {
    const read = async () => {
      const [records, photos, drafts] = await Promise.all([
        desk.store.waiting(),
        desk.album.all(),
        desk.album.drafts(),
      ]);
      found.value = { records, photos, drafts, usedBytes: await usedBytes() };
    };
    read().catch(toastError);
  }, [unsent.value, linkState.value]);
  const { records, photos, drafts } = found.value;
  const said = records.filter(({ record }) => record.k !== "loc");
  const fixes = records.flatMap(({ record }) => (record.k === "loc" ? [record] : []));
  const sending = photos.filter(({ state }) => state !== "draft");
  const empty = said.length + fixes.length + sending.length + drafts.length === 0;
  return (
    <Dialog title={t("unsent.title")} onClose={onClose}>
      <div class="unsent" data-testid="unsent-panel">
        {empty && <p>{t("unsent.nothing")}</p>}
        <ul>
          {said.map(({ record, left }, index) => (
            <Said key={index} record={record as StateRecord | SosRecord} left={left} />
          ))}
          {sending.map((photo) => (
            <Photo key={photo.id} photo={photo} desk={desk} afterOthers={said.length > 0} />
          ))}
          {drafts.map((draft) => (
            <Begun key={draft.order} draft={draft} photos={photos} desk={desk} />
          ))}
          {fixes.length > 0 && <Fixes fixes={fixes} />}
        </ul>
        <Storage used={found.value.usedBytes} />
        <Button
          size="large"
          kind="primary"
          disabled={empty}
          data-testid="unsent-retry"
          onClick={() => desk.retry()}
        >
          {t("unsent.retry")}
        </Button>
        <Button size="large" kind="quiet" onClick={onClose}>
          {t("app.back")}
        </Button>
      </div>
    </Dialog>
  );
}

type Reason = "no_link" | "awaiting" | "going" | "after";

/** Why a record waits. */
function reasonOf(left: boolean, afterOthers = false): Reason {
  if (linkState.value !== "live") return "no_link";
  if (afterOthers) return "after";
  return left ? "awaiting" : "going";
}

function Said({ record, left }: { record: StateRecord | SosRecord; left: boolean }) {
  const why = reasonOf(left);
  return (
    <li data-testid="unsent-row" data-kind={record.k} data-why={why}>
      <strong>{record.k === "sos" ? t(`sos.${record.s}`) : stateWords(record)}</strong>
      {record.k === "state" && (record.note || record.reason) && <q>{record.note || record.reason}</q>}
      <Foot at={record.at} why={t(`why.${why}`)} />
    </li>
  );
}

const Foot = ({ at, why }: { at: number; why: string }) => (
  <small>
    {localTime(at)} · {why}
  </small>
);

/** Of which order, and what was said; an answer names its question. */
function stateWords({ id, s }: StateRecord): string {
  const step = t.loose(`order.${s}`, {}, s);
  for (const order of orders.value) {
    const { number } = order.body;
    if (order.id === id) return t("unsent.step", { step, n: number });
    for (const kind of ["recall", "check"] as const)
      if (order[kind]?.id === id) return t(`unsent.${kind}`, { step, n: number });
    if (order.advices?.some((advice) => advice.id === id)) return t("unsent.advice", { step, n: number });
  }
  const ask = asks.value.find((each) => each.id === id);
  return ask ? t("unsent.ask", { step, unit: ask.body.unit }) : t("unsent.notice", { step });
}

function Photo({ photo, desk, afterOthers }: { photo: StoredPhoto; desk: Desk; afterOthers: boolean }) {
  const number = orders.value.find(({ id }) => id === photo.order)?.body.number ?? "";
  const waits = photo.notBefore > Date.now();
  const why = photo.why && (photo.state === "refused" || waits) ? "refused" : reasonOf(false, afterOthers);
  const words =
    why === "refused"
      ? t.loose(`refused.${photo.why}`, {}, t("refused.other", { code: photo.why }))
      : t(`why.${why}`);
  const again = waits ? ` ${t("unsent.again", { time: localTime(photo.notBefore, false) })}` : "";
  return (
    <li data-testid="unsent-row" data-kind="photo" data-why={why} data-state={photo.state}>
      <Picture id={photo.id} album={desk.album} words={t("unsent.photo", { n: number })} />
      <strong>{t("unsent.photo", { n: number })}</strong>
      {photo.state === "waiting" && (
        <progress value={photo.sent} max={photo.size} aria-label={t("unsent.progress")} />
      )}
      <Foot
        at={photo.keptAt}
        why={`${t("unsent.size", { sent: sizeText(photo.sent), size: sizeText(photo.size) })} · ${words}${again}`}
      />
      {photo.state === "refused" && (
        <Button
          data-testid="unsent-remove"
          onClick={() => void desk.album.remove(photo.id).then(() => desk.countUnsent(), toastError)}
        >
          {t("unsent.remove")}
        </Button>
      )}
    </li>
  );
}

/** Begun and not sent: that is the officer's to do. */
function Begun({ draft, photos, desk }: { draft: Draft; photos: StoredPhoto[]; desk: Desk }) {
  const number = orders.value.find(({ id }) => id === draft.order)?.body.number ?? "";
  const n = photos.filter(({ order, state }) => order === draft.order && state === "draft").length;
  return (
    <li data-testid="unsent-row" data-kind="draft" data-why="draft">
      <strong>{t("unsent.draft", { n: number })}</strong>
      {draft.note && <q>{draft.note}</q>}
      <Foot at={draft.at} why={t("why.draft", { n })} />
      <Button
        data-testid="unsent-drop"
        onClick={() => void desk.album.dropDraft(draft.order).then(() => desk.countUnsent(), toastError)}
      >
        {t("report.drop")}
      </Button>
    </li>
  );
}

function Fixes({ fixes }: { fixes: LocationRecord[] }) {
  const times = fixes.map(({ at }) => at);
  const span = { from: localTime(Math.min(...times), false), to: localTime(Math.max(...times), false) };
  return (
    <li data-testid="unsent-fixes" data-count={fixes.length}>
      <strong>{t("unsent.fixes", { n: fixes.length })}</strong>
      <small>
        {t("unsent.span", span)} · {t(`why.${linkState.value === "live" ? "going" : "no_link"}`)}
      </small>
    </li>
  );
}

const MEGA = 1_000_000;

function Storage({ used }: { used: number | null }) {
  const low = roomIsLow.value;
  if (!low && used === null) return null;
  return (
    <p class={low ? "notice" : "unsent-storage"} data-kind="warn" data-testid="unsent-storage" data-low={low}>
      {low ? t("storage.low") : t("storage.fine", { used: Math.ceil((used ?? 0) / MEGA) })}
    </p>
  );
}
