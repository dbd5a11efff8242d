// The officer's page: one order at a time, big buttons, and the truth about what is not sent yet.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../shared/api";
import { Battery } from "../shared/components/Battery";
import { Button } from "../shared/components/Button";
import { Switches } from "../shared/components/Switches";
import { mount } from "../shared/mount";
import { ageMs, durationText } from "../shared/time";
import type { HandsetGrant } from "../shared/types";
import { errorWords } from "../shared/words";
import "./handset.css";
import { DeviceLink, linkState, silentSince } from "./link";
import { OrderCard, OrderRow } from "./OrderCard";
import { announce, Desk, isOver, orders, unsent } from "./orders";
import { battery, lastFix, positionState } from "./sensors";
import { Store } from "./store";
import { t } from "./words";

const desk = signal<Desk | null>(null);
const link = signal<DeviceLink | null>(null);
const trouble = signal("");

/** This browser's own grant first, so that the page opens without signal. */
async function start(): Promise<void> {
  const store = await Store.open();
  const grant = await enrol(store);
  if (!grant) return;
  const opened: DeviceLink = new DeviceLink(store, grant, {
    onCommand: (command) => {
      if (command.kind === "task") announce();
      void desk.value?.refresh();
    },
    onSent: () => void desk.value?.countUnsent(),
    onRefused: () => void enrolAgain(store),
  });
  link.value = opened;
  desk.value = new Desk(store, grant, () => opened);
  await desk.value.start();
  opened.start();
}

async function enrol(store: Store): Promise<HandsetGrant | undefined> {
  const kept = await store.grant();
  try {
    const user = await api.me(kept !== undefined);
    if (!user.officer_badge) {
      trouble.value = t("handset.other_role", { name: user.display_name });
      return undefined;
    }
    if (kept && kept.badge === user.officer_badge) return kept;
    return await newGrant(store);
  } catch (error) {
    if (kept) return kept;
    const offline = error instanceof api.ApiError && error.status === 0;
    trouble.value = offline ? t("handset.offline_first") : errorWords(error);
    return undefined;
  }
}

async function newGrant(store: Store): Promise<HandsetGrant> {
  const { installId } = await store.link();
  const grant = await api.becomeHandset(installId);
  await store.setGrant(grant);
  return grant;
}

/** The token was withdrawn: a signed-in officer gets another one, anyone else signs in. */
async function enrolAgain(store: Store): Promise<void> {
  try {
    await newGrant(store);
    location.reload();
  } catch (error) {
    trouble.value = errorWords(error);
  }
}

function HandsetPage() {
  useEffect(() => {
    start().catch((error: unknown) => {
      trouble.value = errorWords(error);
    });
  }, []);
  useEffect(() => {
    document.title = `${t("app.name")} · ${t("handset.title")}`;
  });
  return (
    <div class="handset">
      <Bar />
      <LinkBanner />
      {!isSecureContext && <p class="notice handset-notice">{t("handset.insecure")}</p>}
      <main>{desk.value ? <Orders desk={desk.value} /> : <Setup />}</main>
      <StatusLine />
    </div>
  );
}

function Bar() {
  const state = linkState.value;
  return (
    <header class="handset-bar">
      <span class="handset-light" data-state={state} />
      <h1 data-testid="handset-unit">{desk.value?.grant.call_sign ?? t("handset.title")}</h1>
      <span class="handset-badge">{desk.value?.grant.badge}</span>
      <span class="handset-corner">
        {battery.value && (
          <Battery pct={battery.value.pct} charging={battery.value.charging} device="handset" />
        )}
        <Switches />
      </span>
    </header>
  );
}

function LinkBanner() {
  const state = linkState.value;
  if (state === "live") return null;
  const since = silentSince.value ?? Date.now();
  const age = durationText(ageMs(new Date(since).toISOString()));
  return (
    <p class="notice handset-notice" data-kind={state === "refused" ? "bad" : "warn"} role="status">
      {state === "waiting" ? t("link.waiting", { age }) : t(`link.${state}`)}
      {state === "replaced" && (
        <Button size="small" onClick={() => location.reload()}>
          {t("link.take_over")}
        </Button>
      )}
      {state === "waiting" && (
        <Button size="small" onClick={() => link.value?.wake()}>
          {t("link.retry")}
        </Button>
      )}
      {state === "refused" && (
        <Button size="small" onClick={api.goToLogin}>
          {t("link.sign_in")}
        </Button>
      )}
    </p>
  );
}

function Setup() {
  if (!trouble.value) return <p class="handset-empty">{t("handset.enrolling")}</p>;
  return (
    <div class="handset-empty" role="alert">
      <p>{trouble.value}</p>
      <Button size="large" onClick={() => location.reload()}>
        {t("app.retry")}
      </Button>
      <Button size="large" kind="quiet" onClick={() => void api.logout().finally(api.goToLogin)}>
        {t("app.sign_out")}
      </Button>
    </div>
  );
}

function Orders({ desk }: { desk: Desk }) {
  const open = orders.value.filter((order) => !isOver(order));
  const over = orders.value.filter(isOver);
  return (
    <>
      {open.length === 0 && (
        <div class="handset-empty" data-testid="no-order">
          <h2>{t("orders.none")}</h2>
          <p>{t("orders.none.hint")}</p>
        </div>
      )}
      {open.map((order) => (
        <OrderCard key={order.id} order={order} desk={desk} />
      ))}
      {over.length > 0 && (
        <section class="handset-earlier">
          <h2>{t("orders.earlier")}</h2>
          <ul>
            {over.map((order) => (
              <OrderRow key={order.id} order={order} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function StatusLine() {
  const { steps, fixes } = unsent.value;
  const fix = lastFix.value;
  const place =
    positionState.value === "known" && fix
      ? t("position.known", {
          age: t("age.ago", { age: durationText(ageMs(new Date(fix.at).toISOString())) }),
          acc: Math.round(fix.acc ?? 0),
        })
      : t(positionState.value === "known" ? "position.waiting" : `position.${positionState.value}`);
  return (
    <footer class="handset-status">
      <span data-testid="unsent" data-steps={steps} data-waiting={steps > 0}>
        {steps > 0 ? t("unsent.steps", { n: steps }) : t("unsent.none")}
        {fixes > 1 && ` · ${t("unsent.fixes", { n: fixes })}`}
      </span>
      <span>{place}</span>
    </footer>
  );
}

if ("serviceWorker" in navigator) {
  navigator.serviceWorker
    .register("/sw.js")
    .catch((error: unknown) => console.warn("no offline start", error));
}
mount(HandsetPage);
