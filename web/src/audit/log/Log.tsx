// The command log: how it stands, what to look for, what was found, and one entry beside it.
import { useEffect, useRef } from "preact/hooks";
import { lazy } from "../../shared/lazy";
import { Holding } from "../holding";
import { busy, entries, find, more, next, wordsFrom } from "../store";
import { useKeys } from "./keys";
import "./log.css";
import { openSeq } from "./opened";
import { Results } from "./Results";
import { Saved } from "./Saved";
import { SearchForm } from "./SearchForm";
import { Standing } from "./Standing";
import { t } from "./words";

const Entry = lazy(() => import("./Entry").then((part) => part.Entry));

export function Log() {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (next.peek() === undefined) void find();
  }, []);
  useKeys(list);
  const seq = openSeq.value;
  return (
    <div class="log" data-open={seq !== null}>
      <div class="log-list" ref={list}>
        <div class="log-held">
          <Standing />
          <Holding />
        </div>
        <SearchForm />
        <Saved />
        {wordsFrom.value > 1 && (
          <p class="audit-note" data-testid="audit-words-from">
            {t("audit.words_from", { seq: wordsFrom.value })}
          </p>
        )}
        <Results found={entries.value} next={next.value} busy={busy.value} onMore={() => void more()} />
        <p class="audit-note">
          {t("keys.hint")} {t("audit.logged")}
        </p>
      </div>
      {seq !== null && <Entry seq={seq} />}
    </div>
  );
}
