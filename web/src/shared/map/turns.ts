// When something that changes with time alone is to be looked at again: everything has one turn.

/** Keys by the second in which their turn comes; none is missed, whatever the clock skips. */
export class Turns {
  private readonly seconds = new Map<number, string[]>();
  private readonly waiting = new Map<string, number>();
  private reached = Number.NEGATIVE_INFINITY;

  /** In the next second at the earliest. One that waits for an earlier turn keeps that, and waits anew then. */
  wait(key: string, atMs: number): void {
    const second = Math.max(Math.ceil(atMs / 1000), this.reached + 1);
    const before = this.waiting.get(key);
    if (before !== undefined && before <= second) return;
    this.waiting.set(key, second);
    const there = this.seconds.get(second);
    if (there) there.push(key);
    else this.seconds.set(second, [key]);
  }

  /** All whose turn has come. */
  take(nowMs: number): string[] {
    this.reached = Math.floor(nowMs / 1000);
    const found: string[] = [];
    for (const [second, keys] of this.seconds) {
      if (second > this.reached) continue;
      this.seconds.delete(second);
      for (const key of keys) if (this.waiting.get(key) === second) found.push(key);
    }
    for (const key of found) this.waiting.delete(key);
    return found;
  }
}
