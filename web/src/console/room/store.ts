// What the handover page asks for: what stands open, and the orders of the outlet page by page.
import { batch, signal } from "@preact/signals";
import { requestId } from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import { nextTry } from "../../shared/retry";
import type { Order } from "../../shared/types";
import * as api from "./api";
import { t } from "./words";

export type Topic = "handover" | "orders";

export const topic = signal<Topic>("handover");
export const standing = signal<api.Handover | null>(null);
/** Newest first. */
export const orders = signal<Order[] | null>(null);
/** Where the following page of orders begins; null: there is none. */
export const further = signal<number | null>(null);
export const busy = signal(false);

export function start(): () => void {
  void ask();
  return () => {
    batch(() => {
      topic.value = "handover";
      standing.value = orders.value = further.value = null;
    });
  };
}

export function choose(next: Topic): void {
  topic.value = next;
  void ask();
}

/** Look again at what is shown. */
export const ask = (): Promise<void> => (topic.peek() === "orders" ? askOrders(null) : during(askStanding));

async function askStanding(): Promise<void> {
  standing.value = await api.handover();
}

export const askFurther = (): Promise<void> => askOrders(further.peek());

const askOrders = (before: number | null): Promise<void> =>
  during(async () => {
    const page = await api.outlet(before);
    batch(() => {
      orders.value = [...(before === null ? [] : (orders.peek() ?? [])), ...page.orders];
      further.value = page.next;
    });
  });

let wish = requestId();

/** True where it was taken. */
export async function take(note: string): Promise<boolean> {
  let taken = false;
  await during(async () => {
    try {
      await api.take(wish, note);
      taken = true;
      wish = requestId();
    } catch (error) {
      wish = nextTry(wish, error);
      throw error;
    } finally {
      standing.value = await api.handover();
    }
  });
  return taken;
}

export const drop = (id: string): Promise<void> =>
  during(async () => {
    await api.drop(id);
    standing.value = await api.handover();
  });

async function during(step: () => Promise<void>): Promise<void> {
  busy.value = true;
  try {
    await step();
  } catch (error) {
    toastError(error, t);
  } finally {
    busy.value = false;
  }
}
