// What an officer can do, in the words of the run cards; they are asked for once, when first needed.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../../shared/api";
import { language } from "../../shared/i18n";
import { listWords } from "../words";

interface Term {
  code: string;
  en: string;
  zh: string;
}

const terms = signal<ReadonlyMap<string, Term>>(new Map());
let asking = false;

async function ask(): Promise<void> {
  if (asking || terms.peek().size > 0) return;
  asking = true;
  try {
    const { set } = await call<{ set: { skills: Term[] } }>("GET", "/api/run-cards");
    terms.value = new Map(set.skills.map((term) => [term.code, term]));
  } catch (error) {
    console.warn("skills are told by their codes just now", error);
  } finally {
    asking = false;
  }
}

export function Skills({ codes }: { codes: string[] }) {
  useEffect(() => void ask(), []);
  const words = codes.map((code) => terms.value.get(code)?.[language.value] ?? code);
  return (
    <small class="row-soft" data-testid="skills">
      {listWords(words)}
    </small>
  );
}
