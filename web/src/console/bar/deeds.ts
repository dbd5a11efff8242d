// What can be done without naming anything: the keys of the table, pages of other faces, and switches.
import { logout } from "../../shared/api";
import { toastError } from "../../shared/components/Toast";
import { language, setLanguage } from "../../shared/i18n";
import type { IconName } from "../../shared/icons";
import { means } from "../../shared/spelling";
import { theme, toggleTheme } from "../../shared/theme";
import { change, MUTE_MIN, MUTE_MIN_MAX, mute, mutedUntil } from "../alarms/settings";
import { ACTS, perform } from "../keys";
import { cap, GROUPS, type Group, KEYS, type KeyName } from "../keys/table";
import { both as bothOfKey, t as keyWords } from "../keys/words";
import { user } from "../store";
import type { Hit, Section } from "./hit";
import { VERBS } from "./verbs";
import { both, t } from "./words";

/** What is done with the bar itself, or only from where one stands. */
const NOT_HERE: readonly KeyName[] = ["bar", "back", "submit", "next", "previous", "choose"];
const ICON: Record<Group, IconName> = {
  desk: "chevron",
  incident: "alert",
  lists: "chevron",
  work: "check",
  map: "target",
  pages: "cards",
};

const byKey = (Object.keys(KEYS) as KeyName[]).filter((name) => !NOT_HERE.includes(name));

function keyHit(name: KeyName): Hit {
  const whyNot = ACTS[name].whyNot?.();
  return {
    key: `key-${name}`,
    icon: ICON[KEYS[name][0]],
    name: keyWords(`key.${name}`),
    cap: cap(name),
    whyNot: whyNot ? keyWords(`why.${whyNot}`) : null,
    run: () => perform(name),
  };
}

const FACES = { audit: "supervisor", admin: "admin", handset: "officer" } as const;
const FACE_NAMES = Object.keys(FACES) as (keyof typeof FACES)[];

function faceHit(face: keyof typeof FACES): Hit {
  const may = user.value?.roles.includes(FACES[face]) ?? false;
  return {
    key: `face-${face}`,
    icon: "chevron",
    name: t(`deed.${face}`),
    whyNot: may ? null : t("why.not_role"),
    run: () => location.assign(`/${face}`),
  };
}

type Switch = "theme" | "language" | "sign_out";
const SWITCHES: Record<Switch, { icon: IconName; run: () => void }> = {
  theme: { icon: "moon", run: toggleTheme },
  language: {
    icon: "chevron",
    run: () => void setLanguage(language.peek() === "en" ? "zh" : "en").catch(toastError),
  },
  sign_out: { icon: "sign_out", run: () => void logout().finally(() => location.assign("/login")) },
};

const SWITCH_NAMES = Object.keys(SWITCHES) as Switch[];

const switchHit = (name: Switch): Hit => ({
  key: `switch-${name}`,
  icon: name === "theme" && theme.value === "night" ? "sun" : SWITCHES[name].icon,
  name: t(`deed.${name}`),
  run: SWITCHES[name].run,
});

/** All names by which these may be typed: for pinyin. */
export const deedNames = (): string[] => [
  ...byKey.map((name) => bothOfKey(`key.${name}`)[1]),
  ...[...FACE_NAMES, ...SWITCH_NAMES].map((name) => both(`deed.${name}`)[1]),
];

/** All of it by group, each where it always is. */
export const allDeeds = (): Section[] => [
  ...GROUPS.filter((group) => group !== "desk").map((group) => ({
    title: keyWords(`group.${group}`),
    hits: byKey.filter((name) => KEYS[name][0] === group).map(keyHit),
  })),
  {
    title: keyWords("group.desk"),
    hits: [
      ...byKey.filter((name) => KEYS[name][0] === "desk").map(keyHit),
      ...FACE_NAMES.map(faceHit),
      ...SWITCH_NAMES.map(switchHit),
    ],
  },
];

/** "mute", "mute 20". */
export function muteHits(about: string): Hit[] {
  const said = Number.parseInt(about, 10);
  const until = mutedUntil.value;
  const times = said > 0 ? [Math.min(said, MUTE_MIN_MAX)] : MUTE_MIN;
  const hits = times.map(
    (minutes): Hit => ({
      key: `mute-${minutes}`,
      icon: "mute",
      name: t("deed.mute", { minutes }),
      about: t("deed.mute.not_sos"),
      run: () => mute(minutes),
    }),
  );
  const unmute = {
    key: "unmute",
    icon: "sound",
    name: t("deed.unmute"),
    run: () => change({ mutedUntil: 0 }),
  };
  return until === null ? hits : [unmute as Hit, ...hits];
}

/** What may be done now before what may not. */
export function deedsMeant(words: string): Hit[] {
  const meant = (names: string[]) => means(words, ...names);
  const verbsOf = (name: string): readonly string[] =>
    name in VERBS ? VERBS[name as keyof typeof VERBS] : [];
  const hits = [
    ...byKey.filter((name) => meant([...bothOfKey(`key.${name}`), ...verbsOf(name)])).map(keyHit),
    ...FACE_NAMES.filter((face) => meant([...both(`deed.${face}`), face])).map(faceHit),
    ...SWITCH_NAMES.filter((name) => meant([...both(`deed.${name}`), name.replace("_", " ")])).map(switchHit),
  ];
  return [...hits.filter(({ whyNot }) => !whyNot), ...hits.filter(({ whyNot }) => whyNot)];
}
