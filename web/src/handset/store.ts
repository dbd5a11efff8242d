// What this handset must not forget: its identity, the orders it got, the records it still owes.
// Every change that the protocol calls one step is one IndexedDB transaction.
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import type { HandsetGrant } from "../shared/types";
import type { Command, NoticeBody, Numbered, Step, TaskBody, UpRecord } from "./wire";

const QUEUE_LEN_MAX = 5_000;
const ORDERS_KEPT_MAX = 50;
const FULL_DETAIL_MS = 60 * 60_000;
const THIN_MS = 60_000;

/** The unit's other device, or the dispatcher by voice, ended the order: not a withdrawal. */
const ENDED_ELSEWHERE: Record<string, Step> = { done: "done", unable: "declined" };

/** Place in both logs of the protocol. */
export interface Link {
  installId: string;
  epoch: string;
  /** Highest downlink seq stored. */
  cursor: number;
  /** `n` of the next record to be sent. */
  nextN: number;
  upAcked: number;
}

export interface StoredOrder {
  /** Id of the command that brought it. */
  id: string;
  body: TaskBody;
  receivedAt: number;
  expiresAt: number | null;
  step: Step;
  stepAt: number;
  /** Why it was withdrawn, if it was. */
  withdrawn: NoticeBody | null;
  /** The officer has read that it was withdrawn or expired. */
  dismissed: boolean;
}

interface Schema extends DBSchema {
  state: { key: "link" | "grant"; value: Link | HandsetGrant };
  orders: { key: string; value: StoredOrder };
  /** Command ids seen, also of notices: what is here was handled. */
  seen: { key: string; value: number };
  queue: { key: number; value: UpRecord };
  sent: { key: number; value: Numbered };
}

type Stores = "state" | "orders" | "seen" | "queue" | "sent";
type Write = IDBPTransaction<Schema, Stores[], "readwrite">;

export type Arrival = "new" | "known" | "gap";

export class Store {
  readonly #db: IDBPDatabase<Schema>;

  private constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
  }

  static async open(): Promise<Store> {
    const db = await openDB<Schema>("ridgeline-handset", 1, {
      upgrade(database) {
        database.createObjectStore("state");
        database.createObjectStore("orders", { keyPath: "id" });
        database.createObjectStore("seen");
        database.createObjectStore("queue", { autoIncrement: true });
        database.createObjectStore("sent", { keyPath: "n" });
      },
    });
    return new Store(db);
  }

  // -- identity --

  async grant(): Promise<HandsetGrant | undefined> {
    return (await this.#db.get("state", "grant")) as HandsetGrant | undefined;
  }

  /** Another device means other logs: the old ones are of no use to it. */
  async setGrant(grant: HandsetGrant): Promise<void> {
    const tx = this.#write();
    const before = (await tx.objectStore("state").get("grant")) as HandsetGrant | undefined;
    if (before && before.device_id !== grant.device_id) {
      for (const name of ["orders", "seen", "queue", "sent"] as const) await tx.objectStore(name).clear();
      await this.#putLink(tx, freshLink());
    }
    await tx.objectStore("state").put(grant, "grant");
    await tx.done;
  }

  async link(): Promise<Link> {
    const tx = this.#write();
    const link = await this.#link(tx);
    await tx.done;
    return link;
  }

  // -- downlink --

  /** Store one command and, if it is new, owe its receipt. Only then may it be shown. */
  async take(command: Command, now: number): Promise<Arrival> {
    const tx = this.#write();
    const link = await this.#link(tx);
    if (command.prev > link.cursor) {
      await tx.done;
      return "gap";
    }
    const known = (await tx.objectStore("seen").get(command.id)) !== undefined;
    if (!known) await this.#keep(tx, command, now);
    await this.#putLink(tx, { ...link, cursor: Math.max(link.cursor, command.seq) });
    await tx.done;
    return known ? "known" : "new";
  }

  async #keep(tx: Write, command: Command, now: number): Promise<void> {
    await tx.objectStore("seen").put(now, command.id);
    if (command.kind === "notice") return this.#withdraw(tx, command.body);
    await tx.objectStore("orders").put({
      id: command.id,
      body: command.body,
      receivedAt: now,
      expiresAt: command.exp ?? null,
      step: "received",
      stepAt: now,
      withdrawn: null,
      dismissed: false,
    });
    await tx.objectStore("queue").add({ t: "up", k: "state", id: command.id, s: "received", at: now });
    await this.#forgetOldOrders(tx);
  }

  async #withdraw(tx: Write, notice: NoticeBody): Promise<void> {
    for (const order of await tx.objectStore("orders").getAll()) {
      if (order.id !== notice.ref && order.body.order !== notice.ref) continue;
      const ended = ENDED_ELSEWHERE[notice.why];
      const change = ended ? { step: ended, stepAt: Date.now() } : { withdrawn: notice };
      await tx.objectStore("orders").put({ ...order, ...change });
    }
  }

  async #forgetOldOrders(tx: Write): Promise<void> {
    const orders = (await tx.objectStore("orders").getAll()).sort((a, b) => b.receivedAt - a.receivedAt);
    for (const { id } of orders.slice(ORDERS_KEPT_MAX)) await tx.objectStore("orders").delete(id);
  }

  async orders(): Promise<StoredOrder[]> {
    return (await this.#db.getAll("orders")).sort((a, b) => b.receivedAt - a.receivedAt);
  }

  /** The server continues from elsewhere: start at its log's beginning, keep what we have. */
  async restart(epoch: string, resumed: boolean): Promise<void> {
    const tx = this.#write();
    const link = await this.#link(tx);
    await this.#putLink(tx, { ...link, epoch, cursor: resumed ? link.cursor : 0 });
    await tx.done;
  }

  // -- uplink --

  /** A step of an order and the record that reports it. */
  async step(id: string, record: Extract<UpRecord, { k: "state" }>): Promise<void> {
    const tx = this.#write();
    const order = await tx.objectStore("orders").get(id);
    if (order) await tx.objectStore("orders").put({ ...order, step: record.s, stepAt: record.at });
    await tx.objectStore("queue").add(record);
    await tx.done;
  }

  /** The officer has read that this order needs nothing more. */
  async dismiss(id: string): Promise<void> {
    const tx = this.#write();
    const order = await tx.objectStore("orders").get(id);
    if (order) await tx.objectStore("orders").put({ ...order, dismissed: true });
    await tx.done;
  }

  /** Queue one fix. A full queue makes room among old fixes; steps are never dropped. */
  async fix(record: Extract<UpRecord, { k: "loc" }>): Promise<void> {
    const tx = this.#write();
    if ((await tx.objectStore("queue").count()) >= QUEUE_LEN_MAX) await dropOldestFix(tx);
    await tx.objectStore("queue").add(record);
    await tx.done;
  }

  /** Give the waiting records their numbers: steps first, the newest fix next, older ones after. */
  async number(limit: number, now: number): Promise<Numbered[]> {
    const tx = this.#write();
    const link = await this.#link(tx);
    const queue = tx.objectStore("queue");
    const [keys, records] = [await queue.getAllKeys(), await queue.getAll()];
    const waiting = records.map((record, index) => ({ key: keys[index] as number, record }));
    const { kept, dropped } = thin(waiting, now);
    const batch = sendingOrder(kept).slice(0, limit);
    for (const { key } of [...batch, ...dropped]) await queue.delete(key);
    const numbered = batch.map(({ record }, index) => ({ ...record, n: link.nextN + index }));
    for (const record of numbered) await tx.objectStore("sent").put(record);
    await this.#putLink(tx, { ...link, nextN: link.nextN + numbered.length });
    await tx.done;
    return numbered;
  }

  /** The server has everything up to `up`. */
  async acknowledged(up: number): Promise<void> {
    const tx = this.#write();
    const link = await this.#link(tx);
    await tx.objectStore("sent").delete(IDBKeyRange.upperBound(up));
    await this.#putLink(tx, { ...link, upAcked: up });
    await tx.done;
  }

  /** What to send again after a welcome that says `up`, numbered so that it follows without a gap. */
  async again(up: number): Promise<Numbered[]> {
    const tx = this.#write();
    const link = await this.#link(tx);
    const sent = tx.objectStore("sent");
    await sent.delete(IDBKeyRange.upperBound(up));
    const records = (await sent.getAll()).map((record, index) => ({ ...record, n: up + 1 + index }));
    await sent.clear();
    for (const record of records) await sent.put(record);
    await this.#putLink(tx, { ...link, upAcked: up, nextN: up + 1 + records.length });
    await tx.done;
    return records;
  }

  async unsent(): Promise<{ steps: number; fixes: number }> {
    const records = [...(await this.#db.getAll("queue")), ...(await this.#db.getAll("sent"))];
    const steps = records.filter(({ k }) => k === "state").length;
    return { steps, fixes: records.length - steps };
  }

  // -- inside --

  #write(): Write {
    return this.#db.transaction(["state", "orders", "seen", "queue", "sent"], "readwrite", {
      durability: "strict",
    }) as Write;
  }

  async #link(tx: Write): Promise<Link> {
    const stored = (await tx.objectStore("state").get("link")) as Link | undefined;
    if (stored) return stored;
    const link = freshLink();
    await this.#putLink(tx, link);
    return link;
  }

  async #putLink(tx: Write, link: Link): Promise<void> {
    await tx.objectStore("state").put(link, "link");
  }
}

function freshLink(): Link {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const installId = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { installId, epoch: "", cursor: 0, nextN: 1, upAcked: 0 };
}

interface Waiting {
  key: number;
  record: UpRecord;
}

/** Fixes older than an hour: one a minute is enough. */
function thin(waiting: Waiting[], now: number): { kept: Waiting[]; dropped: Waiting[] } {
  const kept: Waiting[] = [];
  const dropped: Waiting[] = [];
  let lastOldAt = Number.NEGATIVE_INFINITY;
  for (const item of waiting) {
    const old = item.record.k === "loc" && now - item.record.at > FULL_DETAIL_MS;
    if (old && item.record.at - lastOldAt < THIN_MS) {
      dropped.push(item);
      continue;
    }
    if (old) lastOldAt = item.record.at;
    kept.push(item);
  }
  return { kept, dropped };
}

function sendingOrder(waiting: Waiting[]): Waiting[] {
  const steps = waiting.filter(({ record }) => record.k === "state");
  const fixes = waiting.filter(({ record }) => record.k === "loc");
  const newest = fixes.pop();
  return newest ? [...steps, newest, ...fixes] : steps;
}

async function dropOldestFix(tx: Write): Promise<void> {
  let cursor = await tx.objectStore("queue").openCursor();
  while (cursor) {
    if (cursor.value.k === "loc") {
      await cursor.delete();
      return;
    }
    cursor = await cursor.continue();
  }
}
