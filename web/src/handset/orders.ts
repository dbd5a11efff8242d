// The orders of this handset, as the page shows them, and the steps an officer takes.
import { effect, signal } from "@preact/signals";
import * as api from "../shared/api";
import { ageMs, now } from "../shared/time";
import type { HandsetGrant, IncidentType } from "../shared/types";
import { advicesOf, type StoredAdvice } from "./advices";
import type { StoredAsk } from "./asks";
import { underOrder } from "./awake";
import type { Duty } from "./economy";
import type { DeviceLink } from "./link";
import type { Album, Draft } from "./photos";
import type { PhotoSender } from "./photosender";
import { duty, lastFix, sendFixNow, watchPosition } from "./sensors";
import { learnFrom } from "./session";
import { call, raise, type StoredCall, withdraw } from "./sos";
import type { Store, Unsent } from "./store";
import { isMissed, type Question, type StoredOrder, type StoredStance } from "./stored";
import { fetchWay } from "./way";
import type { StateRecord, Step } from "./wire";

const TYPES_KEY = "ridgeline.incident_types";
const POSITION_WORTH_MS = 120_000;
/** A way that could not be fetched is asked for again after this. */
const WAY_AGAIN_MS = 30_000;
/** Older than this it is fetched anew under way: a road may be closed, and signal may end soon. */
const WAY_FRESH_MS = 120_000;
/** For the newest position to arrive, before the way from there is asked for. */
const FIXES_SENT_MS = 5_000;

export const orders = signal<StoredOrder[]>([]);
/** What this officer is asked as a unit's leader. */
export const asks = signal<StoredAsk[]>([]);
/** Peace or war, as this handset was told. */
export const stance = signal<StoredStance | null>(null);
export const unsent = signal<Unsent>({ steps: 0, fixes: 0, photos: 0 });
/** Reports that were begun and not sent, by their order: what they are to be. */
export const drafts = signal<ReadonlyMap<string, Draft["step"]>>(new Map());
export const incidentTypes = signal<IncidentType[]>(JSON.parse(localStorage.getItem(TYPES_KEY) ?? "[]"));

const ENDS: Step[] = ["declined", "done"];
const UNANSWERED: Step[] = ["received", "shown", "standby"];

/** Why the order is over, where that is not the officer's own word; "" while it is not. */
export function endedBy(order: StoredOrder): string {
  if (order.ended) return order.ended.why;
  const late = order.expiresAt !== null && order.expiresAt < now.value;
  return late && UNANSWERED.includes(order.last.s) ? "unanswered" : "";
}

/** Needs nothing more from the officer. */
export const isOver = (order: StoredOrder): boolean => ENDS.includes(order.last.s) || order.dismissed;

/** Whether a recall or a question still waits for an answer. */
const isOpen = (order: StoredOrder, kind: "recall" | "check"): boolean => {
  const question = order[kind];
  return question !== undefined && !endedBy(order) && !isMissed(question, now.value);
};

/** What became of the order, or `expired`; "" while the leader may answer. */
export function askEnd(ask: StoredAsk): string {
  if (ask.ended) return ask.ended.why;
  const answered = ask.last?.s === "accepted" || ask.last?.s === "declined";
  return !answered && ask.expiresAt !== null && ask.expiresAt < now.value ? "expired" : "";
}

const isAskOver = (ask: StoredAsk): boolean => askEnd(ask) !== "";

/** One kept by an older build has no line. */
const needsWay = ({ way, wayOld, last }: StoredOrder): boolean =>
  !way?.line || wayOld || (last.s === "en_route" && ageMs(way.computed_at) > WAY_FRESH_MS);

/** By the order that has come furthest. */
function dutyOf(all: StoredOrder[]): Duty {
  const steps = all.filter((order) => !isOver(order) && !endedBy(order)).map(({ last }) => last.s);
  if (steps.includes("en_route")) return "under_way";
  if (steps.includes("on_scene")) return "on_scene";
  return steps.length > 0 ? "ordered" : "idle";
}

export class Desk {
  readonly grant: HandsetGrant;
  readonly #store: Store;
  readonly #link: () => DeviceLink;
  readonly sender: PhotoSender;
  #waysAskedAt = 0;
  /** Orders that were here when types were asked for last. */
  readonly #seen = new Set<string>();

  constructor(store: Store, grant: HandsetGrant, link: () => DeviceLink, sender: PhotoSender) {
    this.#store = store;
    this.grant = grant;
    this.#link = link;
    this.sender = sender;
  }

  get store(): Store {
    return this.#store;
  }

  get album(): Album {
    return this.#store.album;
  }

  async start(): Promise<void> {
    await this.refresh();
    document.addEventListener("visibilitychange", () => void this.refresh());
    watchPosition((fix) =>
      this.#store
        .fix(fix)
        .then(() => this.#owe())
        .then(() => this.#fetchMissingWays())
        .catch((error: unknown) => console.error(error)),
    );
    if (this.#seen.size === 0) this.#loadTypes();
  }

  /** Names of the incident types are kept for the time without signal. */
  #loadTypes(): void {
    api.call<IncidentType[]>("GET", "/api/incident-types", undefined, true).then(
      (types) => {
        incidentTypes.value = types;
        localStorage.setItem(TYPES_KEY, JSON.stringify(types));
      },
      (error: unknown) => {
        learnFrom(error);
        console.warn("incident types not refreshed", error);
      },
    );
  }

  /** With every order that comes the run cards may be others: what its type asks for is asked once. */
  #learnTypes(read: StoredOrder[]): void {
    const ids = read.map(({ id }) => id);
    const isNew = ids.some((id) => !this.#seen.has(id));
    for (const id of ids) this.#seen.add(id);
    if (isNew) this.#loadTypes();
  }

  /** Read the orders; those a person can see now are `shown`. */
  async refresh(): Promise<void> {
    if (document.visibilityState === "visible") {
      for (const order of await this.#store.orders()) {
        if (order.last.s === "received" && !endedBy(order)) await this.#say(order, "shown");
        for (const kind of ["recall", "check"] as const)
          if (order[kind]?.last === null && isOpen(order, kind)) await this.#reply(order, kind, "shown");
        for (const { id, last } of endedBy(order) ? [] : advicesOf(order, now.value))
          if (last === null) await this.#store.answerAdvice(said(id, "shown", {}));
      }
      for (const ask of await this.#store.asks())
        if (ask.last === null && !isAskOver(ask)) await this.#store.answerAsk(said(ask.id, "shown", {}));
    }
    const [read, asked] = [await this.#store.orders(), await this.#store.asks()];
    await this.countUnsent(); // first: a step that is shown is never shown as sent before it is
    orders.value = read;
    stance.value = await this.#store.stance();
    asks.value = asked;
    this.#learnTypes(read);
    underOrder.value = orders.value.some((order) => !isOver(order));
    duty.value = dutyOf(read);
    await this.#owe();
    this.#fetchMissingWays();
  }

  /** Ask for the way from where the unit is now, and keep it. Raises `ApiError`. */
  async loadWay(order: StoredOrder): Promise<void> {
    try {
      await this.#store.keepWay(order.id, await fetchWay(order.body.order));
    } catch (error) {
      learnFrom(error);
      throw error;
    }
    orders.value = await this.#store.orders();
  }

  /** Off the way: the server must know where before it can tell another. Raises `ApiError`. */
  async loadWayFromHere(order: StoredOrder): Promise<void> {
    await sendFixNow();
    await this.#allFixesSent();
    await this.loadWay(order);
  }

  /** Or long enough waited for. */
  #allFixesSent(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => end(), FIXES_SENT_MS);
      const stop = effect(() => {
        if (unsent.value.fixes === 0) queueMicrotask(() => end());
      });
      const end = () => {
        clearTimeout(timer);
        stop();
        resolve();
      };
    });
  }

  /** Roads have changed: whatever was asked before does not count. */
  askAtOnce(): void {
    this.#waysAskedAt = 0;
  }

  /** While there is signal, so that the way is there when there is none. Nobody waits for it. */
  #fetchMissingWays(): void {
    const missing = orders.value.filter((order) => !isOver(order) && !endedBy(order) && needsWay(order));
    if (missing.length === 0 || Date.now() - this.#waysAskedAt < WAY_AGAIN_MS) return;
    this.#waysAskedAt = Date.now();
    for (const order of missing)
      this.loadWay(order).catch((error: unknown) => console.warn("no way to the scene yet", error));
  }

  async step(
    order: StoredOrder,
    step: Step,
    words: { reason?: string; note?: string; until?: number } = {},
  ): Promise<void> {
    if (!endedBy(order)) await this.#say(order, step, { by: this.grant.badge, ...words });
    await this.refresh();
  }

  /** Let go of a recalled order or go on with it; all is well or not. */
  async answer(
    order: StoredOrder,
    kind: "recall" | "check",
    answer: "accepted" | "declined",
    reason = "",
  ): Promise<void> {
    const words = { by: this.grant.badge, ...(reason ? { reason } : {}) };
    if (isOpen(order, kind)) await this.#reply(order, kind, answer, words);
    await this.refresh();
  }

  /** As a unit's leader: to see to an order that nobody of it answers, or that he cannot. */
  async answerAsk(ask: StoredAsk, answer: "accepted" | "declined", reason = ""): Promise<void> {
    const words = { by: this.grant.badge, ...(reason ? { reason } : {}) };
    if (!isAskOver(ask)) await this.#store.answerAsk(said(ask.id, answer, words));
    await this.refresh();
  }

  async dismissAsk(ask: StoredAsk): Promise<void> {
    await this.#store.dismissAsk(ask.id);
    await this.refresh();
  }

  /** He does what makes a battery last, or says why not. */
  async answerAdvice({ id }: StoredAdvice, answer: "accepted" | "declined", reason = ""): Promise<void> {
    await this.#store.answerAdvice(said(id, answer, { by: this.grant.badge, ...(reason ? { reason } : {}) }));
    await this.refresh();
  }

  async dismiss(order: StoredOrder): Promise<void> {
    await this.#store.dismiss(order.id);
    await this.refresh();
  }

  /** Do not wait for the next turn of anything. */
  retry(): void {
    this.#link().wake();
    this.#link().flush();
    void this.sender.retry();
  }

  /** What is still to be sent, and how far a call for help has come. */
  async countUnsent(): Promise<void> {
    unsent.value = await this.#store.unsent();
    drafts.value = new Map((await this.album.drafts()).map(({ order, step }) => [order, step]));
    call.value = await this.#store.call();
  }

  // -- calls for help --

  async callForHelp(): Promise<void> {
    await raise(this.#store, this.grant.badge);
    this.#link().wake();
    await this.#owe();
  }

  async withdrawCall(mine: StoredCall): Promise<void> {
    await withdraw(this.#store, mine, this.grant.badge);
    await this.#owe();
  }

  async putCallAway(): Promise<void> {
    await this.#store.dropCall();
    await this.countUnsent();
  }

  /** Leave this browser to the next officer. Raises `ApiError` where the server is out of reach. */
  async signOut(): Promise<void> {
    await api.logout();
    this.sender.stop();
    this.#link().stop();
    await this.#store.dropGrant();
  }

  async #say(order: StoredOrder, step: Step, more: Partial<StateRecord> = {}): Promise<void> {
    await this.#store.step(said(order.id, step, more));
  }

  async #reply(
    order: StoredOrder,
    kind: "recall" | "check",
    step: Step,
    more: Partial<StateRecord> = {},
  ): Promise<void> {
    const { id } = order[kind] as Question;
    await this.#store.answer(order.id, kind, said(id, step, more));
  }

  async #owe(): Promise<void> {
    await this.countUnsent();
    this.#link().flush();
  }
}

/** With where it was said, while that is known. */
function said(id: string, step: Step, more: Partial<StateRecord>): StateRecord {
  const record: StateRecord = { t: "up", k: "state", id, s: step, at: Date.now(), ...more };
  const fix = lastFix.value;
  if (fix && Date.now() - fix.at < POSITION_WORTH_MS) Object.assign(record, { lat: fix.lat, lon: fix.lon });
  return record;
}
