// Which way to the server: a WebSocket, or plain HTTP where none passes; as devices/doors.py has it. A page
// cannot tell a refused handshake from a server that is away, so once HTTP fails, too, the two take turns.

export type Door = "websocket" | "http";

/** WebSockets in a row that were never welcomed, after which plain HTTP is tried. */
export const FAILURES_MAX = 3;
/** Over HTTP, until the WebSocket is tried again: it is quicker and spares the battery. */
export const RETRY_MS = 300_000;

export class Doors {
  #failures = 0;
  #retryAt = 0;

  /** For the next connection. */
  choose(now: number): Door {
    return this.#failures >= FAILURES_MAX && now < this.#retryAt ? "http" : "websocket";
  }

  /** When a connection by HTTP is to be left for a better one. */
  get leaveAt(): number {
    return this.#retryAt;
  }

  /** Nobody answered behind it. */
  failed(door: Door, now: number): void {
    this.#failures = door === "http" ? FAILURES_MAX - 1 : this.#failures + 1;
    this.#retryAt = now + RETRY_MS;
  }

  welcomed(door: Door): void {
    if (door === "websocket") this.#failures = 0;
  }

  /** Another network may let it pass. */
  networkChanged(): void {
    this.#failures = 0;
  }
}
