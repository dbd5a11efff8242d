// Chinese names as they are typed on a Latin keyboard. The server knows how (docs/adr/0015); learn_spelling.ts asks
// it once somebody searches. Until then, and without it, names are found as they are written.
import { signal } from "@preact/signals";

/** What may be typed for a name: "zhangwei zw". */
export const spelling = signal<ReadonlyMap<string, string>>(new Map());

/** Whether somebody who types `words` may mean one of these: as it is written, or as it is typed. */
export function means(words: string, ...texts: string[]): boolean {
  const wanted = words.trim().toLowerCase();
  const typed = wanted.replace(/[\s'’]/g, "");
  return texts.some(
    (text) =>
      text.toLowerCase().includes(wanted) || (typed && (spelling.value.get(text)?.includes(typed) ?? false)),
  );
}
