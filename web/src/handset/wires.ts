// What carries frames: a WebSocket, or two HTTP calls where none passes (docs/protocol.md). To the link it
// is one conversation either way: a hello is answered by a welcome, commands come in order, records are
// acknowledged.
import { type Hello, type ServerFrame, SUBPROTOCOL } from "./wire";

/** The server may think about a question for so long. */
const WAIT_S = 30;
/** For an answer, beyond that. */
const PATIENCE_MS = 15_000;
/** Of records delivered at once; the server takes 64 KiB. */
const BODY_CHARS_MAX = 20 * 1024;
/** Written and not taken by the network. */
const BUFFERED_MAX = 64 * 1024;

/** Whom a wire serves. */
export interface Ears {
  /** What a connection begins with, as things stand now. */
  hello: () => Promise<Hello>;
  /** Resolved once the frame is dealt with. */
  onFrame: (frame: ServerFrame) => Promise<void>;
  /** With the close code, where the server gave one. */
  onEnd: (code: number | null) => void;
}

export interface Wire {
  /** Nothing more is to be sent for now. */
  readonly full: boolean;
  /** Begin, or begin anew: something is missing. */
  greet(): Promise<void>;
  send(frame: object): void;
  /** Without another word, and without waiting for one. */
  close(): void;
}

export class SocketWire implements Wire {
  readonly #socket: WebSocket;
  readonly #ears: Ears;

  constructor(ears: Ears) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/device`, SUBPROTOCOL);
    socket.onopen = () => void this.greet();
    socket.onmessage = ({ data }) => void ears.onFrame(JSON.parse(String(data)) as ServerFrame);
    socket.onclose = ({ code }) => ears.onEnd(code === NO_CLOSE_FRAME ? null : code);
    this.#socket = socket;
    this.#ears = ears;
  }

  get full(): boolean {
    return this.#socket.readyState !== WebSocket.OPEN || this.#socket.bufferedAmount >= BUFFERED_MAX;
  }

  async greet(): Promise<void> {
    try {
      this.send(await this.#ears.hello());
    } catch (error) {
      console.error(error); // the store; the next connection starts from what it has
      this.#ears.onEnd(null);
    }
  }

  send(frame: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** A dead socket's close event may come a minute late: do not wait for it. */
  close(): void {
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }
}

/** One question for commands is always under way, and one delivery of records when there are any. */
export class HttpWire implements Wire {
  readonly #ears: Ears;
  readonly #token: string;
  readonly #life = new AbortController();
  #asking: AbortController | null = null;
  #delivering = false;
  #waiting: string[] = [];

  constructor(token: string, ears: Ears) {
    this.#token = token;
    this.#ears = ears;
    void this.greet();
  }

  get full(): boolean {
    return this.#life.signal.aborted || this.#waiting.join("").length >= BUFFERED_MAX;
  }

  async greet(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    await this.#guarded(asking.signal, () => this.#ask(asking.signal));
  }

  send(frame: object): void {
    this.#waiting.push(JSON.stringify(frame));
    if (!this.#delivering) void this.#guarded(this.#life.signal, () => this.#deliver());
  }

  close(): void {
    this.#life.abort();
    this.#asking?.abort();
  }

  /** The first question brings the welcome; each further one, the commands since. */
  async #ask(ended: AbortSignal): Promise<void> {
    for (let waitS = 0; !ended.aborted; waitS = WAIT_S) {
      const { t, tok, seen, ...hello } = await this.#ears.hello();
      const query = new URLSearchParams(
        Object.entries({ ...hello, wait: waitS }).map(([k, v]) => [k, String(v)]),
      );
      await this.#handOver(await this.#call(`/v1/cmd?${query}`, {}, ended, waitS), ended, waitS === 0);
    }
  }

  async #deliver(): Promise<void> {
    const { signal } = this.#life;
    const headers = { "content-type": "application/x-ndjson" };
    this.#delivering = true;
    try {
      while (this.#waiting.length > 0 && !signal.aborted) {
        const body = [JSON.stringify(await this.#ears.hello()), ...this.#nextBody()].join("\n");
        await this.#handOver(await this.#call("/v1/up", { method: "POST", headers, body }, signal), signal);
      }
    } finally {
      this.#delivering = false;
    }
  }

  /** As many as one body holds, at least one. */
  #nextBody(): string[] {
    let chars = 0;
    const held = this.#waiting.findIndex((frame) => {
      chars += frame.length;
      return chars > BODY_CHARS_MAX;
    });
    return this.#waiting.splice(0, held < 0 ? this.#waiting.length : Math.max(held, 1));
  }

  /** To the link; of the welcomes only the one that it waits for. */
  async #handOver(frames: ServerFrame[], ended: AbortSignal, first = false): Promise<void> {
    for (const frame of frames) {
      if (ended.aborted) return;
      if (frame.t !== "welcome" || first) await this.#ears.onFrame(frame);
      else if (!frame.resumed) throw new Refused(null, "the server's log began anew");
    }
  }

  /** The lines of the answer. Raises `Refused`, or what `fetch` raises. */
  async #call(path: string, more: RequestInit, ended: AbortSignal, waitS = 0): Promise<ServerFrame[]> {
    const stop = new AbortController();
    const giveUp = () => stop.abort();
    const patience = setTimeout(giveUp, PATIENCE_MS + 1000 * waitS);
    ended.addEventListener("abort", giveUp);
    try {
      const headers = { ...more.headers, authorization: `Bearer ${this.#token}` };
      const answer = await fetch(path, { ...more, headers, cache: "no-store", signal: stop.signal });
      const text = await answer.text();
      if (!answer.ok) throw new Refused(closeCodeIn(text), `${answer.status} ${text}`);
      const lines = text.split("\n").filter((line) => line !== "");
      return lines.map((line) => JSON.parse(line) as ServerFrame);
    } finally {
      clearTimeout(patience);
      ended.removeEventListener("abort", giveUp);
    }
  }

  async #guarded(ended: AbortSignal, lane: () => Promise<void>): Promise<void> {
    try {
      await lane();
    } catch (error) {
      if (ended.aborted || this.#life.signal.aborted) return; // somebody here ended it
      console.warn("no answer over HTTP", error);
      this.close();
      this.#ears.onEnd(error instanceof Refused ? error.code : null);
    }
  }
}

/** The server said no; `code` is that which a WebSocket would have been closed with. */
class Refused extends Error {
  readonly code: number | null;

  constructor(code: number | null, message: string) {
    super(message);
    this.code = code;
  }
}

/** A proxy's answer has none. */
function closeCodeIn(text: string): number | null {
  try {
    const code: unknown = JSON.parse(text).error.detail.close;
    return typeof code === "number" ? code : null;
  } catch {
    return null;
  }
}

/** What a browser says where no close frame came: refused, cut, or out of reach. */
const NO_CLOSE_FRAME = 1006;
