// Asks the server how names are typed; each name once.
import { call } from "./api";
import { spelling } from "./spelling";

const HAN = /\p{Script=Han}/u;
/** The server takes so many at a time. */
const NAMES_MAX = 500;
/** The server takes names of this length. */
const CHARS_MAX = 200;

const asked = new Set<string>();

/** Names without Chinese characters are passed over. Where the server cannot be reached they are asked for the next
 * time. */
export async function learn(names: Iterable<string>): Promise<void> {
  const fresh = [...new Set(names)].filter(
    (name) => HAN.test(name) && name.length <= CHARS_MAX && !asked.has(name),
  );
  for (let first = 0; first < fresh.length; first += NAMES_MAX) {
    const some = fresh.slice(first, first + NAMES_MAX);
    for (const name of some) asked.add(name);
    try {
      const { keys } = await call<{ keys: string[] }>("POST", "/api/pinyin", { names: some });
      spelling.value = new Map([
        ...spelling.peek(),
        ...some.map((name, at) => [name, keys[at] ?? ""] as const),
      ]);
    } catch (error) {
      console.warn("names cannot be found by pinyin yet", error);
      for (const name of some) asked.delete(name);
      return;
    }
  }
}
