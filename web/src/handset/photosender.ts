// Sends photos piece by piece over HTTP (docs/protocol.md, Photos), after everything else: while a step or a
// call for help waits, no further piece leaves. Where it stopped the server knows.
import { ApiError, failure } from "../shared/api";
import type { HandsetGrant } from "../shared/types";
import type { Album, StoredPhoto } from "./photos";

const PIECE_BYTES_MIN = 8 * 1024;
/** The server takes 64 KiB. */
const PIECE_BYTES_MAX = 64 * 1024;
const PIECE_BYTES_FIRST = 16 * 1024;
/** A piece that is through sooner is followed by a larger one. */
const QUICK_MS = 1_500;
const PIECE_TIMEOUT_MS = 60_000;
const AGAIN_MS_MIN = 3_000;
const AGAIN_MS_MAX = 60_000;
/** Where the server names no time. */
const PUT_OFF_MS = 120_000;
/** Answers 404 and 409 say where to go on; more of them in a row than this say that something is wrong. */
const DETOURS_MAX = 5;

interface Answer {
  received: number;
  stored: boolean;
}

interface Events {
  /** The link lives and nothing else waits. */
  isFree: () => Promise<boolean>;
  onChange: () => void;
}

export class PhotoSender {
  readonly #album: Album;
  readonly #grant: HandsetGrant;
  readonly #events: Events;
  readonly #life = new AbortController();
  #busy = false;
  #pieceBytes = PIECE_BYTES_FIRST;
  #againMs = AGAIN_MS_MIN;
  #timer = 0;

  constructor(album: Album, grant: HandsetGrant, events: Events) {
    this.#album = album;
    this.#grant = grant;
    this.#events = events;
  }

  /** Something has changed: perhaps one can go now. */
  wake(): void {
    if (this.#busy || this.#life.signal.aborted) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    this.#run()
      .catch((error: unknown) => {
        console.warn("a photo could not be sent yet", error);
        this.#later(this.#againMs);
        this.#pieceBytes = PIECE_BYTES_MIN;
        this.#againMs = Math.min(AGAIN_MS_MAX, 2 * this.#againMs);
      })
      .finally(() => {
        this.#busy = false;
      });
  }

  /** A person asks: those that were put off are tried, too. */
  async retry(): Promise<void> {
    for (const { id, state } of await this.#album.all())
      if (state === "waiting") await this.#album.change(id, { notBefore: 0 });
    this.#againMs = AGAIN_MS_MIN;
    this.wake();
  }

  stop(): void {
    this.#life.abort();
    clearTimeout(this.#timer);
  }

  #later(ms: number): void {
    if (!this.#life.signal.aborted) this.#timer = window.setTimeout(() => this.wake(), ms);
  }

  async #run(): Promise<void> {
    while (await this.#events.isFree()) {
      const waiting = (await this.#album.all()).filter(({ state }) => state === "waiting");
      const next = waiting.find(({ notBefore }) => notBefore <= Date.now());
      if (!next) {
        const soonest = Math.min(...waiting.map(({ notBefore }) => notBefore));
        if (waiting.length > 0) this.#later(soonest - Date.now());
        return;
      }
      await this.#send(next);
      this.#againMs = AGAIN_MS_MIN;
      this.#events.onChange();
    }
  }

  /** To its end, or until something more urgent waits. Raises what a link that breaks raises. */
  async #send(photo: StoredPhoto): Promise<void> {
    const image = await this.#album.image(photo.id);
    if (!image) return this.#album.change(photo.id, { state: "refused", why: "lost" });
    try {
      const stored = await this.#pieces(photo, image);
      if (stored) await this.#album.remove(photo.id);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 401) throw error;
      await this.#album.change(photo.id, verdict(error, photo));
    }
  }

  async #pieces(photo: StoredPhoto, image: Blob): Promise<boolean> {
    let answer = await this.#begin(photo);
    for (let detours = 0; !answer.stored; ) {
      await this.#album.change(photo.id, { sent: answer.received, why: "" });
      this.#events.onChange();
      if (!(await this.#events.isFree())) return false;
      try {
        answer = await this.#put(photo, answer.received, image);
      } catch (error) {
        if (!(error instanceof ApiError) || ++detours > DETOURS_MAX) throw error;
        if (error.code !== "out_of_step" && error.code !== "no_upload") throw error;
        answer = await this.#begin(photo);
      }
    }
    return true;
  }

  #begin({ id, order, sha256, size, by, at, place }: StoredPhoto): Promise<Answer> {
    const body: Record<string, unknown> = { id, order, sha256, size, by };
    if (at !== null) body.at = at;
    if (place) Object.assign(body, { lon: place.lon, lat: place.lat });
    if (place?.acc != null) body.acc = place.acc;
    return this.#call("POST", "/v1/photos", "", JSON.stringify(body));
  }

  async #put({ id }: StoredPhoto, from: number, image: Blob): Promise<Answer> {
    const began = Date.now();
    const piece = image.slice(from, from + this.#pieceBytes);
    const answer = await this.#call("PUT", `/v1/photos/${id}`, `&at=${from}`, piece);
    if (Date.now() - began < QUICK_MS) this.#pieceBytes = Math.min(PIECE_BYTES_MAX, 2 * this.#pieceBytes);
    return answer;
  }

  async #call(method: string, path: string, query: string, body: string | Blob): Promise<Answer> {
    const response = await fetch(`${path}?dev=${encodeURIComponent(this.#grant.device_id)}${query}`, {
      method,
      body,
      cache: "no-store",
      headers: { authorization: `Bearer ${this.#grant.token}`, "content-type": "application/octet-stream" },
      signal: AbortSignal.any([this.#life.signal, AbortSignal.timeout(PIECE_TIMEOUT_MS)]),
    });
    if (!response.ok) throw await failure(response);
    return (await response.json()) as Answer;
  }
}

const PASSING = new Set([408, 429, 500, 502, 503, 504, 507]);

/** What becomes of a photo that was not taken: put off, or refused for good. */
function verdict(error: ApiError, photo: StoredPhoto): Partial<StoredPhoto> {
  const secondTry = error.code === "wrong_hash" && photo.why !== "wrong_hash";
  if (PASSING.has(error.status) || secondTry) {
    const waitMs = secondTry ? 0 : 1000 * (error.retryAfterS ?? 0) || PUT_OFF_MS;
    return { why: error.code, notBefore: Date.now() + waitMs };
  }
  return { why: error.code, state: "refused" };
}
