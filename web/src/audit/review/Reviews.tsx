// Incidents to look back at, and the review of one. The review itself is the server's page, shown here in
// the colours of this one: one drawing for the screen, the printer and the file.
import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import { language } from "../../shared/i18n";
import type { Incident } from "../../shared/types";
import { whoLookedAt } from "../looks";
import { addressOf } from "../replay/address";
import { typeName } from "../sentence";
import { HoldButton } from "./Hold";
import { Holds } from "./Holds";
import { t } from "./words";

const PAGE_LEN = 100;
/** So long after the last key the server is asked. */
const TYPED_MS = 250;
const MINUTE_MS = 60_000;
/** The outcome of an incident that nobody closed: server/stores/stepping.py. */
const CLOSED_BY_ITSELF = "done";
/** So much of the replay before an incident, and after it. */
const MARGIN_MIN = 5;
const REPLAY_MIN_MAX = 360;

/** The incident of the address, `#review/<id>`; null: the list. */
export function Reviews({ id }: { id: string | null }) {
  return id ? <Review id={id} key={id} /> : <List />;
}

function List() {
  const found = useSignal<Incident[]>([]);
  const more = useSignal<boolean | null>(null);
  const which = useSignal<"closed" | "all">("closed");
  const text = useSignal("");
  const asked = useRef(0);
  const typing = useRef(0);
  async function load(before?: number) {
    const mine = ++asked.current;
    try {
      const page = await api.incidents(which.peek(), before, PAGE_LEN, text.peek().trim());
      if (mine !== asked.current) return;
      found.value = before === undefined ? page : [...found.peek(), ...page];
      more.value = page.length === PAGE_LEN;
    } catch (error) {
      toastError(error);
    }
  }
  useEffect(() => {
    void load();
    return () => clearTimeout(typing.current);
  }, []);
  const shown = found.value;
  return (
    <div data-testid="reviews">
      <search class="review-search">
        <label class="field">
          <span>{t("review.search")}</span>
          <input
            class="input"
            type="search"
            data-testid="review-search"
            maxLength={100}
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
              clearTimeout(typing.current);
              typing.current = setTimeout(() => void load(), TYPED_MS);
            }}
          />
        </label>
        <label class="field">
          <span>{t("review.status")}</span>
          <select
            class="input"
            data-testid="review-status"
            onChange={(event) => {
              which.value = event.currentTarget.value === "all" ? "all" : "closed";
              void load();
            }}
          >
            <option value="closed">{t("review.closed")}</option>
            <option value="all">{t("review.all")}</option>
          </select>
        </label>
      </search>
      <Holds />
      {shown.length > 0 && (
        <table class="audit-table review-table">
          <thead>
            <tr>
              <th scope="col">{t("review.column.number")}</th>
              <th scope="col">{t("review.column.type")}</th>
              <th scope="col">{t("review.column.place")}</th>
              <th scope="col">{t("review.column.opened")}</th>
              <th scope="col">{t("review.column.closed")}</th>
              <th scope="col">{t("review.column.units")}</th>
              <th scope="col">{t("review.column.outcome")}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((incident) => (
              <Row key={incident.id} incident={incident} />
            ))}
          </tbody>
        </table>
      )}
      <div class="audit-note">
        {more.value && (
          <Button onClick={() => void load(found.value.at(-1)?.number)} data-testid="review-more">
            {t("app.more")}
          </Button>
        )}
        {more.value === false && (shown.length ? t("review.end") : t("review.none"))} {t("review.logged")}
      </div>
    </div>
  );
}

function Row({ incident }: { incident: Incident }) {
  const { id, number, type, place, opened_at, closed_at, orders, outcome } = incident;
  return (
    <tr data-testid="review-row">
      <td>
        <a href={`#review/${id}`} aria-label={t("review.open", { number })} data-testid="review-open">
          #{number}
        </a>
      </td>
      <td>{typeName(type)}</td>
      <td>{place}</td>
      <td>
        <Time at={opened_at} />
      </td>
      <td>{closed_at ? <Time at={closed_at} /> : t("review.running")}</td>
      <td>{orders.map(({ call_sign }) => call_sign).join(" ")}</td>
      <td>{outcome === CLOSED_BY_ITSELF ? t("review.by_itself") : outcome}</td>
    </tr>
  );
}

function Review({ id }: { id: string }) {
  const host = useRef<HTMLDivElement>(null);
  const ready = useSignal(false);
  const incident = useSignal<Incident | null>(null);
  const address = (kind: string) => `/api/incidents/${id}/review${kind}`;

  useEffect(() => {
    api.incident(id).then((found) => {
      incident.value = found;
    }, toastError);
    if (!host.current) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    let newest = "";
    const stop = effect(() => {
      const url = address(`.html?${asked(language.value)}`);
      newest = url;
      ready.value = false;
      fetch(url, { credentials: "same-origin" })
        .then(async (answer) => {
          if (answer.status === 401) return api.goToLogin();
          if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
          const page = await answer.text();
          if (newest !== url) return;
          show(root, page);
          ready.value = true;
        })
        .catch(toastError);
    });
    return () => {
      stop();
      document.adoptedStyleSheets = [];
    };
  }, [id]);

  return (
    <section class="review-page" data-testid="review" data-ready={ready.value} aria-busy={!ready.value}>
      <p class="review-tools">
        <a class="button" href="#review" data-testid="review-back">
          {t("review.back")}
        </a>
        <Button onClick={() => print()}>{t("review.print")}</Button>
        <a class="button" href={address(`.html?${asked(language.value)}`)} target="_blank" rel="noopener">
          {t("review.page")}
        </a>
        <a class="button" href={address("")} download={`review-${incident.value?.number ?? id}.json`}>
          {t("review.json")}
        </a>
        {incident.value && (
          <a class="button" href={replayOf(incident.value)} data-testid="review-replay">
            {t("review.replay")}
          </a>
        )}
        {incident.value && (
          <a class="button" href={whoLookedAt(incident.value.number)} data-testid="review-looked">
            {t("review.looked")}
          </a>
        )}
        <HoldButton id={id} />
      </p>
      {!ready.value && <p class="audit-note">{t("review.loading")}</p>}
      <div ref={host} class="review-host" data-testid="review-host" />
    </section>
  );
}

/** In which language and in whose time. */
function asked(lang: string): string {
  return new URLSearchParams({ lang, tz: Intl.DateTimeFormat().resolvedOptions().timeZone }).toString();
}

const STYLES = /<style([^>]*)>([\s\S]*?)<\/style>/g;

/** The server's page without its frame. No script of it would run, and it has none; its style is taken out
 * before it is parsed, for this page's policy lets nobody write one into a document. */
function show(root: ShadowRoot, html: string): void {
  const page = new DOMParser().parseFromString(html.replace(STYLES, ""), "text/html");
  const article = page.querySelector("article");
  if (!article) throw new Error("the answer is no review");
  for (const [, mark = "", text = ""] of html.matchAll(STYLES)) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    // What stands in the margins of paper belongs to the document, not to a part of it.
    if (mark.includes("data-paper")) document.adoptedStyleSheets = [sheet];
    else root.adoptedStyleSheets = [sheet];
  }
  root.replaceChildren(document.importNode(article, true));
}

function replayOf({ opened_at, closed_at }: Incident): string {
  const from = Date.parse(opened_at) - MARGIN_MIN * MINUTE_MS;
  const until = closed_at ? Date.parse(closed_at) : Date.now();
  const minutes = Math.ceil((until - from) / MINUTE_MS) + MARGIN_MIN;
  return addressOf({ from, minutes: Math.min(minutes, REPLAY_MIN_MAX) }, Date.parse(opened_at));
}
