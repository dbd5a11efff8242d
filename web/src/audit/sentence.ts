// One entry of the log in a person's words. The sentences are in the dictionaries, `say.<kind>`; a part
// in [brackets] is left out where the entry lacks what it would say.
import { signal } from "@preact/signals";
import { conditionWords } from "../shared/conditions";
import { language } from "../shared/i18n";
import { etaText, localTime } from "../shared/time";
import type { IncidentType, JournalEntry, Leader } from "../shared/types";
import { t } from "./words";

/** Names of the incident types, once the server has told them. */
export const incidentTypes = signal<IncidentType[]>([]);

export const typeName = (type: string): string =>
  incidentTypes.value.find(({ code }) => code === type)?.names[language.value] ?? type;

type Body = Record<string, unknown>;
type Difference = { from: unknown; to: unknown };

/** What happened; the plain values of the entry where this page does not know its kind. */
export function sentence({ kind, body, redacted }: JournalEntry): string {
  const template = t.loose(`say.${kind}`, {}, "");
  return template ? told(template, { ...body, via: via(body) }, redacted) : plain(body);
}

function told(template: string, body: Body, redacted: string[]): string {
  const words = (name: string) =>
    redacted.includes(`body.${name}`) ? t("audit.redacted.value") : valueWords(name, body[name]);
  return template
    .replace(/\[([^\]]*)\]/g, (_, part: string) =>
      [...part.matchAll(/\{(\w+)\}/g)].every(([, name]) => words(String(name))) ? part : "",
    )
    .replace(/\{(\w+)\}/g, (_, name: string) => words(name) || "–");
}

/** How an officer's step reached us, and no more than is known of who took it. */
function via(body: Body): string {
  if (!body.device) return t("via.voice");
  const device = short(String(body.device));
  const said = body.path
    ? t("via.guest", { device, path: t.loose(`path.${body.path}`, {}, String(body.path)) })
    : t("via.device", { device });
  const claim = body.claim ? t.loose(`claim.${body.claim}`, {}, "") : "";
  return claim ? t("via.claim", { via: said, claim }) : said;
}

function valueWords(name: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "";
  switch (name) {
    case "type":
      return typeName(String(value));
    case "records":
      return value === 0 ? "" : String(value);
    case "device":
      return short(String(value));
    case "eta_s":
      return etaText(Number(value));
    case "best":
      return list(
        (value as { unit: string; eta_s: number }[]).map((best) => `${best.unit} ${etaText(best.eta_s)}`),
      );
    case "filter":
      return list(
        Object.entries(value as Body)
          .map(filterWords)
          .filter(Boolean),
      );
    case "changed":
      return list(Object.entries(value as Record<string, Difference>).map(differenceWords));
    case "kind":
      return t.loose(`device.${value}`, {}, t.loose(`unit.${value}`, {}, String(value)));
    case "state":
    case "reported":
    case "because":
      return t.loose(`order.${value}`, {}, String(value));
    case "holder":
    case "despite":
      return actorWords(String(value));
    case "leader":
      return typeof value === "object" ? leaderWords(value as Leader) : String(value);
    case "words":
      return String((value as Record<string, string>)[language.value] ?? "");
    case "condition":
      return conditionWords(String(value));
    case "conditions":
      return list((value as string[]).map(conditionWords));
    case "starts_at":
    case "ends_at":
    case "other_starts_at":
    case "expires_at":
    case "expected_back_at":
    case "due_at":
    case "since":
    case "until":
      return localTime(String(value), false);
    case "roles":
      return list((value as string[]).map((role) => t.loose(`role.${role}`, {}, role)));
    default:
      return Array.isArray(value) ? list(value.map(String)) : t.loose(`${name}.${value}`, {}, text(value));
  }
}

const leaderWords = ({ name, badge }: Leader): string => (name.includes(badge) ? name : `${name} ${badge}`);

/** One field of an entry of the roster, before and after. */
function differenceWords([name, { from, to }]: [string, Difference]): string {
  const label = t.loose(`field.${name}`, {}, name);
  return `${label} ${valueWords(name, from) || "–"} → ${valueWords(name, to) || "–"}`;
}

const text = (value: unknown): string => (typeof value === "boolean" ? "" : String(value));

/** One field of a search that somebody made. */
function filterWords([name, value]: [string, unknown]): string {
  const said = filterValue(name, String(value));
  const label = t.loose(name === "q" ? "audit.search" : `audit.${name}`, {}, "");
  return label && `${label}: ${said}`;
}

function filterValue(name: string, value: string): string {
  if (name === "since" || name === "until") return localTime(value);
  if (name !== "kind") return value;
  const kinds = value
    .split(",")
    .map((each) => t.loose(`kind.${each}`, {}, t.loose(`group.${each}`, {}, each)));
  return kinds.join(language.value === "zh" ? "、" : " / ");
}

const list = (words: string[]): string => words.join(language.value === "zh" ? "、" : ", ");

/** The plain values of a body; lists, objects and ids are left to the open entry. */
function plain(body: Body): string {
  return Object.entries(body)
    .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value) && value !== "")
    .filter(([, value]) => !/^[0-9a-f]{8}-[0-9a-f]{4}-/.test(String(value)))
    .map(([name, value]) => `${name} ${value}`)
    .join(" · ");
}

/** "user:li" → "user li"; "system" → "the server". */
export function actorWords(actor: string): string {
  if (!actor) return t("audit.redacted.value");
  const [kind = "", id = ""] = actor.split(/:(.*)/);
  return t.loose(`party.${kind}`, { id: short(id) }, actor);
}

/** What the entry is about, by the name people use: "incident 12", "unit P-07". */
export function subjectWords({ subject, body }: JournalEntry): string {
  if (!subject) return t("audit.redacted.value");
  const [kind = "", id = ""] = subject.split(/:(.*)/);
  const { number, call_sign: unit, name: station, label: spare } = body;
  const known = {
    incident: number,
    order: number,
    sos: number,
    road: number,
    condition: number,
    unit,
    station,
    spare,
  }[kind];
  return t.loose(`party.${kind}`, { id: String(known ?? short(id)) }, subject);
}

/** Ids are long; the ends tell them apart. A browser's own device id ends with a digest. */
function short(id: string): string {
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-/.test(id)) return `…${id.slice(-6)}`;
  return id.replace(/^(web-.+-[0-9a-f]{4})[0-9a-f]{12}$/, "$1…");
}
