// The device's link: hello, replay, records up, acknowledgements, heartbeat, reconnection.
// Truth is in the Store; a connection may die at any moment and nothing is lost.
import { signal } from "@preact/signals";
import { serverNow, syncClock } from "../shared/time";
import type { HandsetGrant } from "../shared/types";
import { type Door, Doors } from "./doors";
import type { Store } from "./store";
import { CLOSE, type Command, type Hello, type Numbered, type ServerFrame, type Welcome } from "./wire";
import { type Ears, HttpWire, SocketWire, type Wire } from "./wires";

const BATCH_LEN = 50;
const BACKOFF_MAX_S = 60;
const OPEN_TIMEOUT_MS = 15_000;
const WATCH_MS = 2_000;
/** The server acknowledges within a second, and within five while its store is slow. */
const ANSWER_TIMEOUT_MS = 15_000;

export type LinkState = "connecting" | "live" | "waiting" | "replaced" | "refused";

export const linkState = signal<LinkState>("connecting");
/** The way of the newest connection. */
export const linkDoor = signal<Door>("websocket");
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
  readonly #doors = new Doors();
  #wire: Wire | null = null;
  #attempts = 0;
  #heartbeatS = 45;
  #heardAt = 0;
  /** Since when the server owes an answer; 0: it owes none. */
  #askedAt = 0;
  #pings = 0;
  /** The newest checkpoint of the command log kept here: shown with the hello and every step. */
  #seen = "";
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
    window.addEventListener("online", () => this.#networkChanged(), { signal });
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

  #networkChanged(): void {
    this.#doors.networkChanged();
    if (linkState.value === "live" && linkDoor.value === "http") this.#connect();
    else this.wake();
  }

  /** No more, for good. */
  stop(): void {
    this.#life.abort();
    this.#stop("replaced");
  }

  /** Records wait: send them now if the link lives. */
  flush(): void {
    if (linkState.value === "live") void this.#queue(() => this.#sendWaiting());
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#drop();
    linkState.value = "connecting";
    this.#timer = window.setTimeout(() => this.#lost(null), OPEN_TIMEOUT_MS);
    const door = this.#doors.choose(Date.now());
    linkDoor.value = door;
    const ears: Ears = {
      hello: () => this.#hello(),
      onFrame: (frame) => this.#heard(wire, frame),
      onEnd: (code) => wire === this.#wire && this.#closed(code),
    };
    const wire: Wire = door === "http" ? new HttpWire(this.#grant.token, ears) : new SocketWire(ears);
    this.#wire = wire;
  }

  async #hello(): Promise<Hello> {
    const link = await this.#store.link();
    this.#seen = await this.#store.checkpoint();
    return {
      t: "hello",
      dev: this.#grant.device_id,
      inst: link.installId,
      tok: this.#grant.token,
      epoch: link.epoch,
      cur: link.cursor,
      cur_id: link.cursorId ?? "",
      up_acked: link.upAcked,
      seen: this.#seen,
      app: "handset/1",
    };
  }

  #heard(wire: Wire, frame: ServerFrame): Promise<void> {
    if (wire === this.#wire) {
      this.#heardAt = Date.now();
      this.#askedAt = 0;
    }
    return this.#queue(() => this.#handle(wire, frame));
  }

  async #handle(wire: Wire, frame: ServerFrame): Promise<void> {
    if (wire !== this.#wire) return;
    switch (frame.t) {
      case "welcome":
        return this.#welcomed(wire, frame);
      case "cmd":
        return this.#command(wire, frame);
      case "ack":
        await this.#store.acknowledged(frame.up);
        await this.#witness(frame.ckpt);
        this.#events.onSent();
        return this.#sendWaiting();
      case "pong":
        this.#heartbeatS = frame.hb ?? this.#heartbeatS;
        return syncClock(new Date(frame.now).toISOString());
    }
  }

  async #welcomed(wire: Wire, welcome: Welcome): Promise<void> {
    clearTimeout(this.#timer);
    this.#doors.welcomed(linkDoor.value);
    await this.#store.restart(welcome.epoch, welcome.resumed);
    await this.#witness(welcome.ckpt);
    syncClock(new Date(welcome.now).toISOString());
    this.#attempts = 0;
    this.#heartbeatS = welcome.hb;
    for (const record of await this.#store.again(welcome.up)) this.#send(wire, this.#shown(record));
    linkState.value = "live";
    silentSince.value = null;
    clearInterval(this.#watchdog);
    this.#watchdog = window.setInterval(() => this.#watch(), WATCH_MS);
    await this.#sendWaiting();
  }

  async #witness(note = ""): Promise<void> {
    if (!note) return;
    await this.#store.witness(note, Date.now());
    this.#seen = await this.#store.checkpoint();
  }

  async #command(wire: Wire, command: Command): Promise<void> {
    const arrival = await this.#store.take(command, Date.now(), serverNow());
    if (arrival === "gap") {
      void wire.greet();
      return;
    }
    if (arrival === "news") this.#events.onCommand(command);
    await this.#sendWaiting();
  }

  async #sendWaiting(): Promise<void> {
    const wire = this.#wire;
    if (!wire || linkState.value !== "live") return;
    while (!wire.full) {
      const records = await this.#store.number(BATCH_LEN, Date.now());
      for (const record of records) this.#send(wire, this.#shown(record));
      if (records.length < BATCH_LEN) break;
    }
    this.#events.onSent();
  }

  /** A server that owes us an answer and is silent is gone, whatever the socket says. */
  #watch(): void {
    const now = Date.now();
    if (this.#askedAt && now - this.#askedAt > ANSWER_TIMEOUT_MS) this.#lost(null);
    else if (linkDoor.value === "http" && now >= this.#doors.leaveAt) this.#connect();
    else if (now - this.#heardAt >= 1000 * this.#heartbeatS) this.#ping();
  }

  #ping(): void {
    if (!this.#wire || this.#askedAt) return;
    this.#pings += 1;
    this.#send(this.#wire, { t: "ping", i: this.#pings });
  }

  #closed(code: number | null): void {
    if (code === CLOSE.replaced) this.#stop("replaced");
    else if (code === CLOSE.auth) {
      this.#stop("refused");
      this.#events.onRefused();
    } else this.#lost(code);
  }

  #stop(state: LinkState): void {
    this.#drop();
    linkState.value = state;
    silentSince.value ??= Date.now();
  }

  /** Reconnect after 1, 2, 4 … 60 s with full jitter. `code`: with which the server ended it, if it did. */
  #lost(code: number | null): void {
    if (linkState.value === "connecting" && code === null) this.#doors.failed(linkDoor.value, Date.now());
    this.#stop("waiting");
    const limitS = Math.min(BACKOFF_MAX_S, 2 ** this.#attempts);
    this.#attempts += 1;
    this.#timer = window.setTimeout(() => this.#connect(), 1000 * limitS * Math.random());
  }

  #drop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#watchdog);
    this.#askedAt = 0;
    this.#wire?.close();
    this.#wire = null;
  }

  #shown(record: Numbered): Numbered {
    return record.k === "state" && this.#seen ? { ...record, seen: this.#seen } : record;
  }

  #send(wire: Wire, frame: object): void {
    wire.send(frame);
    this.#askedAt ||= Date.now();
  }

  /** One failed step (a full disk) closes the link; the next connection starts from what is stored. */
  #queue(step: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(step).catch((error: unknown) => {
      console.error(error);
      this.#lost(null);
    });
    return this.#work;
  }
}
