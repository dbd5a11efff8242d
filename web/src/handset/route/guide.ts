// Follows the way of one order while it is on the screen: each fix becomes progress, turns are spoken, and off
// the way another is asked for while there is a line. The page and the map show what stands here.
import { computed, effect, signal, untracked } from "@preact/signals";
import { language } from "../../shared/i18n";
import { distanceText } from "../../shared/time";
import { linkState } from "../link";
import { type Desk, orders } from "../orders";
import { guided, lastFix } from "../sensors";
import type { StoredOrder } from "../stored";
import { hush, say, vibrate } from "../voice";
import type { Way } from "../way";
import { Follower, type Progress } from "./progress";
import { type Spoken, TurnCaller } from "./turns";
import { t } from "./words";

/** Between two questions for another way. */
const AGAIN_MS = 20_000;
const NEAR_MS = [120, 60, 120];
const SOUND_KEY = "ridgeline.turns_spoken";
/** A fix older than this is where one was. */
const FRESH_MS = 120_000;

export const sound = signal(localStorage.getItem(SOUND_KEY) !== "no");

export function setSound(on: boolean): void {
  sound.value = on;
  localStorage.setItem(SOUND_KEY, on ? "yes" : "no");
  if (!on) hush();
}

export class Guide {
  /** By the newest fix; null before there is one. */
  readonly progress = signal<Progress | null>(null);
  /** Another way is being asked for. */
  readonly asking = signal(false);
  /** What was said last, for who did not hear it. */
  readonly said = signal("");
  readonly order = computed<StoredOrder | undefined>(() => orders.value.find(({ id }) => id === this.#id));
  readonly follower = signal<Follower | null>(null);

  readonly #id: string;
  readonly #desk: Desk;
  readonly #stops: (() => void)[];
  #caller = new TurnCaller();
  #askedAt = 0;
  #wasOff = false;
  #arrived = false;

  constructor(desk: Desk, orderId: string) {
    this.#desk = desk;
    this.#id = orderId;
    guided.value = true;
    const way = computed(() => this.order.value?.way);
    this.#stops = [
      effect(() => this.#begin(way.value)),
      effect(() => {
        if (lastFix.value && this.follower.value) untracked(() => this.#move());
      }),
      effect(() => {
        if (this.progress.value?.off && linkState.value === "live") untracked(() => this.askAgain());
      }),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    guided.value = false;
  }

  /** Another way from here, for who left this one. */
  askAgain(): void {
    const order = this.order.peek();
    if (!order || this.asking.peek() || Date.now() - this.#askedAt < AGAIN_MS) return;
    this.#askedAt = Date.now();
    this.asking.value = true;
    this.#desk
      .loadWayFromHere(order)
      .then(
        () => this.#tell(t("route.say.another")),
        (error: unknown) => console.warn("no other way yet", error),
      )
      .finally(() => {
        this.asking.value = false;
      });
  }

  #begin(way: Way | undefined): void {
    const known = this.follower.peek()?.way;
    if (!way?.line || way.computed_at === known?.computed_at) return;
    this.follower.value = new Follower(way);
    this.#caller = new TurnCaller();
    this.#wasOff = false;
  }

  #move(): void {
    const fix = lastFix.peek();
    if (!fix || Date.now() - fix.at > FRESH_MS) return;
    const progress = this.follower.peek()?.take(fix);
    if (!progress) return;
    this.progress.value = progress;
    if (progress.off !== this.#wasOff) {
      this.#wasOff = progress.off;
      this.#tell(t(progress.off ? "route.say.off" : "route.say.back"));
    } else if (!progress.off && progress.arrived !== this.#arrived) {
      this.#arrived = progress.arrived;
      if (progress.arrived) this.#tell(t("route.arrived"));
    } else if (!progress.off && !progress.arrived) {
      const due = this.#caller.take(progress, fix.spd ?? 0);
      if (due) this.#tell(spoken(due), due.call === "now");
    }
  }

  #tell(words: string, near = false): void {
    this.said.value = words;
    if (near) vibrate(NEAR_MS);
    if (sound.peek()) say(words);
  }
}

function spoken({ call, step, toM }: Spoken): string {
  const act = step.act[language.peek()];
  if (call === "now") return act;
  if (call === "stretch") return t("route.say.stretch", { distance: distanceText(toM) });
  return t("route.say.in", { distance: distanceText(toM), act });
}
