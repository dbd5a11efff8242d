// What this handset must not forget: its identity, the orders it got, the records it still owes.
// Every change that the protocol calls one step is one IndexedDB transaction.
import { type IDBPDatabase, openDB } from "idb";
import type { HandsetGrant } from "../shared/types";
import { endAdvice, keepAdvice, sayAdvice } from "./advices";
import { endAsk, keepAsk, type StoredAsk } from "./asks";
import { type KeptCheckpoint, keepCheckpoint } from "./checkpoints";
import { Album, release } from "./photos";
import { isFull, roomIsLow } from "./room";
import { sendingOrder, thin } from "./sending";
import type { StoredCall } from "./sos";
import {
  ENDS,
  endedBy,
  freshLink,
  type Link,
  meant,
  missedTask,
  order,
  received,
  type Schema,
  STORES,
  type StoredOrder,
  type StoredStance,
  stepped,
  type Write,
} from "./stored";
import type { Way } from "./way";
import type {
  Command,
  LocationRecord,
  NoticeBody,
  Numbered,
  RecallBody,
  SosRecord,
  StateRecord,
  UpRecord,
} from "./wire";
import { t } from "./words";

const QUEUE_LEN_MAX = 5_000;
const ORDERS_KEPT_MAX = 50;
const SEEN_KEPT_MAX = 2_000;

/** How many records and photos the server does not have yet. */
export interface Unsent {
  /** Steps, answers, reports, calls for help. */
  steps: number;
  fixes: number;
  photos: number;
}

export type Arrival = "news" | "known" | "gap";

export class Store {
  readonly #db: IDBPDatabase<Schema>;
  readonly album: Album;

  private constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
    this.album = new Album(db);
  }

  static async open(): Promise<Store> {
    const db = await openDB<Schema>("ridgeline-handset", 3, {
      upgrade(database, version) {
        if (version < 1) {
          database.createObjectStore("state");
          database.createObjectStore("orders", { keyPath: "id" });
          database.createObjectStore("seen");
          database.createObjectStore("queue", { autoIncrement: true });
          database.createObjectStore("sent", { keyPath: "n" });
        }
        if (version < 2) database.createObjectStore("asks", { keyPath: "id" });
        if (version < 3) {
          database.createObjectStore("photos", { keyPath: "id" });
          database.createObjectStore("images");
          database.createObjectStore("drafts", { keyPath: "order" });
        }
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
    const link = await this.#link(tx);
    if (link.deviceId !== grant.device_id) {
      for (const name of STORES) if (name !== "state") await tx.objectStore(name).clear();
      await tx.objectStore("state").delete("call");
      await tx.objectStore("state").delete("stance");
      await this.#putLink(tx, { ...freshLink(), installId: link.installId, deviceId: grant.device_id });
    }
    await tx.objectStore("state").put(grant, "grant");
    await tx.done;
  }

  /** Signed out: this browser is nobody's handset. The logs wait for the same officer. */
  async dropGrant(): Promise<void> {
    await this.#db.delete("state", "grant");
  }

  async link(): Promise<Link> {
    const tx = this.#write();
    const link = await this.#link(tx);
    await tx.done;
    return link;
  }

  // -- downlink --

  /**
   * Store one command with the receipt that is owed for it, and move the cursor, in one step. Only then
   * may it be shown. What is past its time by the server's clock is missed. `known`: it was here before, and
   * nothing is to be told.
   */
  async take(command: Command, now: number, serverMs: number): Promise<Arrival> {
    const tx = this.#write();
    const link = await this.#link(tx);
    if (command.prev > link.cursor) {
      await tx.done;
      return "gap";
    }
    const known = (await tx.objectStore("seen").get(command.id)) !== undefined;
    if (known) await this.#sayAgain(tx, command.id);
    else await this.#receive(tx, command, now, serverMs);
    if (command.kind === "recall" || command.kind === "check" || command.kind === "advice")
      await this.#ask(tx, command, now, late(command, serverMs));
    if (command.kind === "notice") await this.#end(tx, command, now);
    if (command.seq > link.cursor)
      await this.#putLink(tx, { ...link, cursor: command.seq, cursorId: command.id });
    await tx.done;
    return known && command.kind !== "notice" ? "known" : "news";
  }

  async #receive(tx: Write, command: Command, now: number, serverMs: number): Promise<void> {
    const receipt = received(command.id, now);
    await tx.objectStore("seen").put(now, command.id);
    await forgetOldest(tx, SEEN_KEPT_MAX);
    await tx.objectStore("queue").add(receipt);
    if (command.kind !== "task") return;
    const arrived = order(command.id, command.body, receipt, command.exp);
    const ended = late(command, serverMs) ? { why: "expired", text: "", at: now } : null;
    await this.#keep(tx, { ...arrived, ended });
  }

  /** A recall or a question about an order that is here; asked again, the old answer stands. */
  async #ask(tx: Write, command: Asking, now: number, missed: boolean): Promise<void> {
    const { id } = command;
    const expiresAt = command.exp ?? null;
    const question = { id, at: now, expiresAt, missed, last: null };
    if (command.kind === "advice")
      return keepAdvice(tx, await meant(tx, command.body), command.body, question);
    const { kind, body } = command;
    if (body.why === "leader") return keepAsk(tx, id, body, now, expiresAt, missed);
    for (const each of await meant(tx, body)) {
      if (each[kind]?.id === id) continue;
      const asked =
        kind === "check"
          ? { check: question }
          : { recall: { ...question, why: (body as RecallBody).why, text: (body as RecallBody).text ?? "" } };
      await tx.objectStore("orders").put({ ...each, ...asked });
    }
  }

  /** The server sends what is here already: it may have lost our last word, so it gets it again. */
  async #sayAgain(tx: Write, id: string): Promise<void> {
    const known = (await tx.objectStore("orders").get(id)) ?? (await tx.objectStore("asks").get(id));
    if (known?.last) await tx.objectStore("queue").add(known.last);
    for (const { recall, check, advices = [] } of await tx.objectStore("orders").getAll())
      for (const asked of [recall, check, ...advices])
        if (asked?.id === id && asked.last) await tx.objectStore("queue").add(asked.last);
  }

  /** A dispatcher has seen the call for help. */
  async #heard(tx: Write, { ref, at }: NoticeBody, now: number): Promise<void> {
    const call = (await tx.objectStore("state").get("call")) as StoredCall | undefined;
    if (call?.id === ref) await tx.objectStore("state").put({ ...call, heardAt: at ?? now }, "call");
  }

  /** What a notice is about is over; an order that was missed altogether is kept as such. */
  async #end(tx: Write, { id, body }: Command & { kind: "notice" }, now: number): Promise<void> {
    if (body.why === "heard") return this.#heard(tx, body, now);
    if (body.why === "stance") {
      const { mode = "peace", until = null, text = "" } = body;
      await tx.objectStore("state").put({ mode, until, text }, "stance");
      return;
    }
    if (body.why === "route_changed") {
      for (const each of await meant(tx, body)) await tx.objectStore("orders").put({ ...each, wayOld: true });
      return;
    }
    if (body.asked && body.question) {
      const asked = { kind: body.asked, id, body: body.question } as Asking;
      return this.#ask(tx, asked, now, true);
    }
    if ((await endAsk(tx, body, now)) || (await endAdvice(tx, body.ref)) || !ENDS.has(body.why)) return;
    const ended = { why: body.why, text: body.text ?? "", at: now };
    const over = await meant(tx, body);
    for (const each of over)
      if (endedBy(body.why, each)) await tx.objectStore("orders").put({ ...each, ended });
    const missed = over.length === 0 && missedTask(body);
    if (missed) await this.#keep(tx, { ...order(id, missed, received(id, now)), ended });
  }

  async #keep(tx: Write, kept: StoredOrder): Promise<void> {
    await tx.objectStore("orders").put(kept);
    await this.#forgetOldOrders(tx);
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
    await this.#putLink(tx, resumed ? { ...link, epoch } : { ...link, epoch, cursor: 0, cursorId: "" });
    await tx.done;
  }

  // -- uplink --

  /** A step of an order and the record that tells it. A report is a note: the order stays where it is. */
  step(record: StateRecord): Promise<void> {
    return this.#surely(() => this.#step(record));
  }

  async #step(record: StateRecord): Promise<void> {
    const tx = this.#write();
    await release(tx, record);
    const taken = await tx.objectStore("orders").get(record.id);
    if (taken) {
      const change = record.s === "feedback" ? { reports: taken.reports + 1 } : stepped(record);
      await tx.objectStore("orders").put({ ...taken, ...change });
    }
    await tx.objectStore("queue").add(record);
    await tx.done;
  }

  /** What the officer, or at first the page, says to a recall or a question. */
  answer(orderId: string, kind: "recall" | "check", record: StateRecord): Promise<void> {
    return this.#surely(() => this.#answer(orderId, kind, record));
  }

  async #answer(orderId: string, kind: "recall" | "check", record: StateRecord): Promise<void> {
    const tx = this.#write();
    const asked = await tx.objectStore("orders").get(orderId);
    const question = asked?.[kind];
    if (asked && question?.id === record.id) {
      await tx.objectStore("orders").put({ ...asked, [kind]: { ...question, last: record } });
      await tx.objectStore("queue").add(record);
    }
    await tx.done;
  }

  /** What a person, or at first the page, says to an advice. */
  answerAdvice(record: StateRecord): Promise<void> {
    return this.#surely(() => this.#answerAdvice(record));
  }

  async #answerAdvice(record: StateRecord): Promise<void> {
    const tx = this.#write();
    if (await sayAdvice(tx, record)) await tx.objectStore("queue").add(record);
    await tx.done;
  }

  async asks(): Promise<StoredAsk[]> {
    return (await this.#db.getAll("asks")).sort((a, b) => b.at - a.at);
  }

  /** What a leader, or at first the page, says to what he is asked. */
  answerAsk(record: StateRecord): Promise<void> {
    return this.#surely(() => this.#answerAsk(record));
  }

  async #answerAsk(record: StateRecord): Promise<void> {
    const tx = this.#write();
    const ask = await tx.objectStore("asks").get(record.id);
    if (ask) {
      await tx.objectStore("asks").put({ ...ask, last: record });
      await tx.objectStore("queue").add(record);
    }
    await tx.done;
  }

  async dismissAsk(id: string): Promise<void> {
    const tx = this.#write();
    const read = await tx.objectStore("asks").get(id);
    if (read) await tx.objectStore("asks").put({ ...read, dismissed: true });
    await tx.done;
  }

  /** A call for help, or that it was none, and the record that tells it. */
  say(record: SosRecord): Promise<void> {
    return this.#surely(() => this.#say(record));
  }

  async #say(record: SosRecord): Promise<void> {
    const tx = this.#write();
    const last = (await tx.objectStore("state").get("call")) as StoredCall | undefined;
    const same = last?.id === record.id ? last : { id: record.id, at: record.at, heardAt: null };
    await tx.objectStore("state").put({ ...same, s: record.s, sent: false }, "call");
    await tx.objectStore("queue").add(record);
    await tx.done;
  }

  /** The last call for help; `sent` as soon as no record of it waits any more. */
  async call(): Promise<StoredCall | null> {
    const call = (await this.#db.get("state", "call")) as StoredCall | undefined;
    if (!call) return null;
    const waiting = [...(await this.#db.getAll("queue")), ...(await this.#db.getAll("sent"))];
    return { ...call, sent: !waiting.some((record) => record.k === "sos" && record.id === call.id) };
  }

  async stance(): Promise<StoredStance | null> {
    return ((await this.#db.get("state", "stance")) as StoredStance | undefined) ?? null;
  }

  /** The officer has read what became of it. */
  async dropCall(): Promise<void> {
    await this.#db.delete("state", "call");
  }

  /** The way to the scene, for the time without signal. */
  async keepWay(id: string, way: Way): Promise<void> {
    const tx = this.#write();
    const order = await tx.objectStore("orders").get(id);
    if (order) await tx.objectStore("orders").put({ ...order, way, wayOld: false });
    await tx.done;
  }

  /** The officer has read that this order needs nothing more. */
  async dismiss(id: string): Promise<void> {
    const tx = this.#write();
    const read = await tx.objectStore("orders").get(id);
    if (read) await tx.objectStore("orders").put({ ...read, dismissed: true });
    await tx.done;
  }

  /** Queue one fix. A full queue, or a full disk, makes room among old fixes; steps are never dropped. */
  async fix(record: LocationRecord): Promise<void> {
    const tx = this.#write();
    if ((await tx.objectStore("queue").count()) >= QUEUE_LEN_MAX) await dropOldestFixes(tx, 1);
    await tx.objectStore("queue").add(record);
    await tx.done.catch(async (error: unknown) => {
      if (!isFull(error) || !(await this.#makeRoom())) throw error;
    });
  }

  /** Every second fix goes, so that what a person did finds room. False: there were none to go. */
  async #makeRoom(): Promise<boolean> {
    roomIsLow.value = true;
    const tx = this.#write();
    const dropped = await dropOldestFixes(tx, QUEUE_LEN_MAX, 2);
    await tx.done;
    return dropped > 0;
  }

  /** What a person did; where the disk is full, old fixes make room for it. Raises what to tell the person. */
  async #surely(step: () => Promise<void>): Promise<void> {
    const full = (error: unknown) => {
      throw isFull(error) ? new Error(t("room.full")) : error;
    };
    try {
      await step();
    } catch (error) {
      if (isFull(error) && (await this.#makeRoom())) await step().catch(full);
      else full(error);
    }
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

  /** A checkpoint of the command log that the server gave. */
  async witness(note: string, now: number): Promise<void> {
    const tx = this.#write();
    await keepCheckpoint(tx, { note, at: now });
    await tx.done;
  }

  /** The newest one kept; "" before the first. */
  async checkpoint(): Promise<string> {
    const kept = (await this.#db.get("state", "checkpoints")) as KeptCheckpoint[] | undefined;
    return kept?.at(-1)?.note ?? "";
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

  async unsent(): Promise<Unsent> {
    const records = [...(await this.#db.getAll("queue")), ...(await this.#db.getAll("sent"))];
    const steps = records.filter(({ k }) => k !== "loc").length;
    const photos = (await this.album.all()).filter(({ state }) => state === "waiting").length;
    return { steps, fixes: records.length - steps, photos };
  }

  /** Every record that the server has not acknowledged, those that left already first. */
  async waiting(): Promise<{ record: UpRecord; left: boolean }[]> {
    const mark = (left: boolean) => (record: UpRecord) => ({ record, left });
    const [sent, queue] = [await this.#db.getAll("sent"), await this.#db.getAll("queue")];
    return [...sent.map(mark(true)), ...queue.map(mark(false))];
  }

  // -- inside --

  #write(): Write {
    return this.#db.transaction(STORES, "readwrite", { durability: "strict" }) as Write;
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

type Asking =
  | Pick<Command & { kind: "recall" }, "id" | "kind" | "body" | "exp">
  | Pick<Command & { kind: "check" }, "id" | "kind" | "body" | "exp">
  | Pick<Command & { kind: "advice" }, "id" | "kind" | "body" | "exp">;

const late = ({ exp }: Command, serverMs: number): boolean => exp !== undefined && exp < serverMs;

/** Ids of commands begin with the time they were made. */
async function forgetOldest(tx: Write, keptMax: number): Promise<void> {
  const seen = tx.objectStore("seen");
  const tooMany = (await seen.count()) - keptMax;
  if (tooMany > 0) for (const key of await seen.getAllKeys(undefined, tooMany)) await seen.delete(key);
}

/** From the oldest on, each `every`th; the newest stays. Returns how many went. */
async function dropOldestFixes(tx: Write, limit: number, every = 1): Promise<number> {
  const queue = tx.objectStore("queue");
  const [keys, records] = [await queue.getAllKeys(), await queue.getAll()];
  const fixes = keys.filter((_, index) => records[index]?.k === "loc").slice(0, -1);
  const gone = fixes.filter((_, index) => index % every === 0).slice(0, limit);
  for (const key of gone) await queue.delete(key);
  return gone.length;
}
