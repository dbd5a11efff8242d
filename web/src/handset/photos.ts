// Photos of reports: kept here from the moment they are chosen until the server has them. Like the orders,
// they are in the store before anything is said of them.
import type { IDBPDatabase } from "idb";
import { isFull } from "./room";
import type { Schema, Write } from "./stored";
import type { StateRecord } from "./wire";

/** On this device, drafts included. More are refused to the person who takes them, none is dropped. */
export const PHOTOS_KEPT_MAX = 60;

const TRIAL_KEY = "trial";
const TRIAL_BYTES = 4_000_000;

export interface StoredPhoto {
  /** Of this device; the server knows a repetition by it. */
  id: string;
  /** Id of the command that brought the order. */
  order: string;
  sha256: string;
  /** Bytes. */
  size: number;
  by: string;
  keptAt: number;
  /** When and where it was taken, milliseconds and degrees; null: unknown, or not to be told. */
  at: number | null;
  place: { lon: number; lat: number; acc: number | null } | null;
  /** `draft`: its report is still being written. `refused`: the server never takes it. */
  state: "draft" | "waiting" | "refused";
  /** Bytes that the server has. */
  sent: number;
  /** Code of the refusal, or of why it is put off; empty: nothing stands in its way. */
  why: string;
  /** Not tried again before. */
  notBefore: number;
}

/** A report that is being written: what a page that dies in the middle leaves behind. */
export interface Draft {
  order: string;
  step: "feedback" | "done";
  note: string;
  results: string[];
  /** Time and place of the photos go with them. */
  place: boolean;
  at: number;
}

/** No room for one more photo here. */
export class AlbumFull extends Error {}

export class Album {
  readonly #db: IDBPDatabase<Schema>;

  constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
  }

  /** Oldest first. */
  async all(): Promise<StoredPhoto[]> {
    return (await this.#db.getAll("photos")).sort((a, b) => a.keptAt - b.keptAt);
  }

  image(id: string): Promise<Blob | undefined> {
    return this.#db.get("images", id);
  }

  /** Durable on return. Raises `AlbumFull`, and what a full disk raises. */
  async add(photo: StoredPhoto, image: Blob): Promise<void> {
    const tx = this.#write();
    if ((await tx.objectStore("photos").count()) >= PHOTOS_KEPT_MAX) {
      tx.abort();
      await tx.done.catch(() => undefined); // the abort
      throw new AlbumFull();
    }
    tx.objectStore("photos").put(photo);
    tx.objectStore("images").put(image, photo.id);
    await tx.done;
  }

  /** Sent, or taken away by a person. */
  async remove(id: string): Promise<void> {
    const tx = this.#write();
    tx.objectStore("photos").delete(id);
    tx.objectStore("images").delete(id);
    await tx.done;
  }

  async change(id: string, change: Partial<StoredPhoto>): Promise<void> {
    const tx = this.#write();
    const photo = await tx.objectStore("photos").get(id);
    if (photo) await tx.objectStore("photos").put({ ...photo, ...change });
    await tx.done;
  }

  /** Tried out with an image of some megabytes that is taken away again. */
  async hasRoom(): Promise<boolean> {
    try {
      await this.#db.put("images", new Blob([new Uint8Array(TRIAL_BYTES)]), TRIAL_KEY);
      return true;
    } catch (error) {
      if (!isFull(error)) throw error;
      return false;
    } finally {
      await this.#db.delete("images", TRIAL_KEY);
    }
  }

  draft(order: string): Promise<Draft | undefined> {
    return this.#db.get("drafts", order);
  }

  drafts(): Promise<Draft[]> {
    return this.#db.getAll("drafts");
  }

  async keepDraft(draft: Draft): Promise<void> {
    await this.#db.put("drafts", draft);
  }

  /** Not sent, by the officer's will; its photos go with it. */
  async dropDraft(order: string): Promise<void> {
    const tx = this.#write();
    for (const photo of await tx.objectStore("photos").getAll()) {
      if (photo.order !== order || photo.state !== "draft") continue;
      tx.objectStore("photos").delete(photo.id);
      tx.objectStore("images").delete(photo.id);
    }
    tx.objectStore("drafts").delete(order);
    await tx.done;
  }

  #write() {
    return this.#db.transaction(["photos", "images", "drafts"], "readwrite", { durability: "strict" });
  }
}

/** A report is said: in the same step its photos begin to wait, and there is no draft any more. */
export async function release(tx: Write, { id, s }: StateRecord): Promise<void> {
  if (s !== "feedback" && s !== "done") return;
  const draft = await tx.objectStore("drafts").get(id);
  for (const photo of await tx.objectStore("photos").getAll()) {
    if (photo.order !== id || photo.state !== "draft") continue;
    const told = draft?.place ? {} : { at: null, place: null };
    await tx.objectStore("photos").put({ ...photo, ...told, state: "waiting" });
  }
  await tx.objectStore("drafts").delete(id);
}
