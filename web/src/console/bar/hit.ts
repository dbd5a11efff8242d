import type { IconName } from "../../shared/icons";

/** One row of what the command bar offers. */
export interface Hit {
  /** Unique among the rows, and part of an element's id. */
  key: string;
  icon: IconName;
  name: string;
  /** Behind the name, softer. */
  about?: string;
  /** At the end of the row: what it is. */
  kind?: string;
  cap?: string;
  /** Why it cannot be done now, in words; it can be without. */
  whyNot?: string | null;
  run: () => void;
  /** Ctrl+Enter. */
  also?: { words: string; run: () => void };
  /** What Tab writes into the field. */
  text?: string;
}

export interface Section {
  title: string;
  hits: Hit[];
}
