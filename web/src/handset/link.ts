// The device socket: hello, replay, records up, acknowledgements, heartbeat, reconnection.
// Truth is in the Store; a socket may die at any moment and nothing is lost.
import { signal } from "@preact/signals";
import { serverNow, syncClock } from "../shared/time";
import type { HandsetGrant } from "../shared/types";
import type { Store } from "./store";
import { CLOSE, type Command, type ServerFrame, SUBPROTOCOL, type Welcome } from "./wire";

const BATCH_LEN = 50;
const BUFFERED_BYTES_MAX = 64 * 1024;
const BACKOFF_MAX_S = 60;
const OPEN_TIMEOUT_MS = 15_000;
const WATCH_MS = 2_000;
/** The server acknowledges within a second, and within five while its store is slow. */
const ANSWER_TIMEOUT_MS = 15_000;

export type LinkState = "connecting" | "live" | "waiting" | "replaced" | "refused";

export const linkState = signal<LinkState>("connecting");
/** Since when the link is not live, milliseconds by this device's clock; null while it is. */
export const silentSince = signal<number | null>(Date.now());

interface Events {
  onCommand: (command: Command) => void;
  onSent: () => void;
  onRefused: () => void;
}

export class DeviceLink {
  readonly #store: Store;
  readonly #grant: HandsetGrant;
  readonly #events: Events;
  readonly #life = new AbortController();
  #socket: WebSocket | null = null;
  #attempts = 0;
  #heartbeatS = 45;
  #heardAt = 0;
  /** Since when the server owes an answer; 0: it owes none. */
  #askedAt = 0;
  #pings = 0;
  #timer = 0;
  #watchdog = 0;
  /** Frames and flushes are handled one after the other: each is a transaction. */
  #work: Promise<void> = Promise.resolve();

  constructor(store: Store, grant: HandsetGrant, events: Events) {
    this.#store = store;
    this.#grant = grant;
    this.#events = events;
  }

  start(): void {
    const { signal } = this.#life;
    const look = () => document.visibilityState === "visible" && this.wake();
    window.addEventListener("online", () => this.wake(), { signal });
    document.addEventListener("visibilitychange", look, { signal });
    this.#connect();
  }

  /** The network changed or a person looks: do not wait for the back-off; see whether the link lives. */
  wake(): void {
    if (linkState.value === "live") this.#ping();
    if (linkState.value !== "waiting") return;
    this.#attempts = 0;
    this.#connect();
  }

  /** No more, for good. */
  stop(): void {
    this.#life.abort();
    this.#stop("replaced");
  }

  /** Records wait: send them now if the link lives. */
  flush(): void {
    if (linkState.value === "live") this.#queue(() => this.#sendWaiting());
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#drop();
    linkState.value = "connecting";
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/device`, SUBPROTOCOL);
    this.#socket = socket;
    this.#timer = window.setTimeout(() => this.#lost(), OPEN_TIMEOUT_MS);
    socket.onopen = () => this.#queue(() => this.#hello(socket));
    socket.onmessage = ({ data }) => {
      this.#heardAt = Date.now();
      this.#askedAt = 0;
      this.#queue(() => this.#handle(socket, JSON.parse(String(data)) as ServerFrame));
    };
    socket.onclose = ({ code }) => this.#closed(code);
  }

  async #hello(socket: WebSocket): Promise<void> {
    const link = await this.#store.link();
    this.#send(socket, {
      t: "hello",
      dev: this.#grant.device_id,
      inst: link.installId,
      tok: this.#grant.token,
      epoch: link.epoch,
      cur: link.cursor,
      cur_id: link.cursorId ?? "",
      up_acked: link.upAcked,
      app: "handset/1",
    });
  }

  async #handle(socket: WebSocket, frame: ServerFrame): Promise<void> {
    if (socket !== this.#socket) return;
    switch (frame.t) {
      case "welcome":
        return this.#welcomed(socket, frame);
      case "cmd":
        return this.#command(socket, frame);
      case "ack":
        await this.#store.acknowledged(frame.up);
        this.#events.onSent();
        return this.#sendWaiting();
      case "pong":
        this.#heartbeatS = frame.hb ?? this.#heartbeatS;
        return syncClock(new Date(frame.now).toISOString());
    }
  }

  async #welcomed(socket: WebSocket, welcome: Welcome): Promise<void> {
    clearTimeout(this.#timer);
    await this.#store.restart(welcome.epoch, welcome.resumed);
    syncClock(new Date(welcome.now).toISOString());
    this.#attempts = 0;
    this.#heartbeatS = welcome.hb;
    for (const record of await this.#store.again(welcome.up)) this.#send(socket, record);
    linkState.value = "live";
    silentSince.value = null;
    clearInterval(this.#watchdog);
    this.#watchdog = window.setInterval(() => this.#watch(), WATCH_MS);
    await this.#sendWaiting();
  }

  async #command(socket: WebSocket, command: Command): Promise<void> {
    const arrival = await this.#store.take(command, Date.now(), serverNow());
    if (arrival === "gap") return this.#hello(socket);
    if (arrival === "news") this.#events.onCommand(command);
    await this.#sendWaiting();
  }

  async #sendWaiting(): Promise<void> {
    const socket = this.#socket;
    if (!socket || linkState.value !== "live") return;
    while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount < BUFFERED_BYTES_MAX) {
      const records = await this.#store.number(BATCH_LEN, Date.now());
      for (const record of records) this.#send(socket, record);
      if (records.length < BATCH_LEN) break;
    }
    this.#events.onSent();
  }

  /** A server that owes us an answer and is silent is gone, whatever the socket says. */
  #watch(): void {
    const now = Date.now();
    if (this.#askedAt && now - this.#askedAt > ANSWER_TIMEOUT_MS) this.#lost();
    else if (now - this.#heardAt >= 1000 * this.#heartbeatS) this.#ping();
  }

  #ping(): void {
    if (!this.#socket || this.#askedAt) return;
    this.#pings += 1;
    this.#send(this.#socket, { t: "ping", i: this.#pings });
  }

  #closed(code: number): void {
    if (code === CLOSE.replaced) this.#stop("replaced");
    else if (code === CLOSE.auth) {
      this.#stop("refused");
      this.#events.onRefused();
    } else this.#lost();
  }

  #stop(state: LinkState): void {
    this.#drop();
    linkState.value = state;
    silentSince.value ??= Date.now();
  }

  /** Reconnect after 1, 2, 4 … 60 s with full jitter. */
  #lost(): void {
    this.#stop("waiting");
    const limitS = Math.min(BACKOFF_MAX_S, 2 ** this.#attempts);
    this.#attempts += 1;
    this.#timer = window.setTimeout(() => this.#connect(), 1000 * limitS * Math.random());
  }

  /** A dead socket's close event may come a minute late: do not wait for it. */
  #drop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#watchdog);
    this.#askedAt = 0;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #send(socket: WebSocket, frame: object): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify(frame));
    this.#askedAt ||= Date.now();
  }

  /** One failed step (a full disk) closes the link; the next connection starts from what is stored. */
  #queue(step: () => Promise<void>): void {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      console.error(error);
      this.#lost();
    });
  }
}
