// The console's live feed (docs/http-api.md, Console feed): snapshot, deltas, ticks. A gap in the
// numbers, or silence, means: reconnect and go on from the last number, or with a new snapshot where the
// server cannot. The page says when it is not live, and when it does not know what it missed.
import { computed, signal } from "@preact/signals";
import { ApiError, goToLogin, me } from "../shared/api";
import { toast } from "../shared/components/Toast";
import { serverNow, syncClock } from "../shared/time";
import type { FeedMessage } from "../shared/types";
import { takeDelta, takeSnapshot } from "./store";
import { t } from "./words";

const SUBPROTOCOL = "ridgeline.console.v1.json";
const SILENCE_MS = 12_000;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 10_000;

export type FeedState = "connecting" | "live" | "lost";
export const feedState = signal<FeedState>("connecting");
/** How the present connection began. */
export const openedBy = signal<"snapshot" | "resumed" | null>(null);
/** Server time of the last message; what is on the screen is from then. */
export const heardAt = signal<number | null>(null);
/** The console knows what there is; until then nothing on the screen means nothing. */
export const told = computed(() => heardAt.value !== null);

/** For a list without rows: `words`, unless nobody knows yet whether there are any. */
export const emptyWords = (words: string): string => (told.value ? words : t("list.untold"));

let socket: WebSocket | null = null;
let epoch = "";
let seq = 0;
let attempts = 0;
let silence: ReturnType<typeof setTimeout> | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;

export function startFeed(): void {
  connect();
  addEventListener("online", connectNow);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && feedState.value !== "live") connectNow();
  });
}

function connectNow(): void {
  attempts = 0;
  drop();
  connect();
}

function connect(): void {
  clearTimeout(retry);
  const from = epoch && `?epoch=${epoch}&seq=${seq}`;
  const opened = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/console${from}`, SUBPROTOCOL);
  socket = opened;
  opened.onmessage = ({ data }) => {
    if (socket === opened) receive(JSON.parse(data) as FeedMessage);
  };
  opened.onclose = () => {
    if (socket === opened) lose();
  };
  listenForSilence();
}

function receive(message: FeedMessage): void {
  syncClock(message.now);
  if (message.t === "snapshot") {
    if (epoch) toast(t("feed.renewed"), "notice");
    epoch = message.epoch;
    seq = message.seq;
    takeSnapshot(message);
    live("snapshot");
  } else if (message.t === "resumed") {
    live("resumed");
  } else if (message.t === "delta") {
    if (message.seq !== seq + 1) {
      lose();
      return;
    }
    seq = message.seq;
    takeDelta(message);
  }
  heardAt.value = Date.parse(message.now);
  listenForSilence();
}

function live(by: "snapshot" | "resumed"): void {
  attempts = 0;
  openedBy.value = by;
  feedState.value = "live";
}

function listenForSilence(): void {
  clearTimeout(silence);
  silence = setTimeout(lose, SILENCE_MS);
}

/** The link is gone or cannot be trusted: say so, then try again, later and later. */
function lose(): void {
  drop();
  feedState.value = heardAt.value === null ? "connecting" : "lost";
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempts++);
  retry = setTimeout(connectIfSignedIn, ceiling * (0.5 + Math.random() / 2));
}

/** `close` in a dead zone reports itself only after a minute: let go of the socket at once. */
function drop(): void {
  clearTimeout(silence);
  clearTimeout(retry);
  if (!socket) return;
  socket.onmessage = socket.onclose = null;
  socket.close();
  socket = null;
}

/** A refused socket looks like a dead server; only the API can tell that the session ended. */
async function connectIfSignedIn(): Promise<void> {
  try {
    await me(true);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return goToLogin();
    return lose();
  }
  connect();
}

/** How long the picture has not been confirmed, milliseconds. */
export const silentMs = (): number => (heardAt.value === null ? 0 : serverNow() - heardAt.value);
