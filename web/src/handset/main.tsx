// The officer's page: one order at a time, big buttons, and the truth about what is not sent yet.
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../shared/api";
import { Battery } from "../shared/components/Battery";
import { Button } from "../shared/components/Button";
import { Dialog } from "../shared/components/Dialog";
import { Switches } from "../shared/components/Switches";
import { toastError } from "../shared/components/Toast";
import { laterStyles, lazy } from "../shared/lazy";
import { mount } from "../shared/mount";
import { ageMs, durationText, localTime, now } from "../shared/time";
import { errorWords } from "../shared/words";
import { announce, keepCalling } from "./announce";
import { watchAwake } from "./awake";
import { enrol, enrolAgain } from "./enrolment";
import "./handset.css";
import "./install";
import { LeaderCard } from "./LeaderCard";
import { DeviceLink, linkDoor, linkState, silentSince } from "./link";
import { OrderCard, OrderRow } from "./OrderCard";
import { asks, Desk, isOver, orders, stance, unsent } from "./orders";
import { PhotoSender } from "./photosender";
import { roomIsLow, watchRoom } from "./room";
import { Sos } from "./SosButton";
import { battery, batteryTold, lastFix, plan, positionState } from "./sensors";
import { session } from "./session";
import { Store } from "./store";
import { startServiceWorker, takeOver, waitingBuild } from "./updates";
import { aboutDevice, openWay, wantsWay, wayOf } from "./view";
import { t } from "./words";

const SettingsPanel = lazy(() => import("./more").then(({ SettingsPanel }) => SettingsPanel));
const UnsentPanel = lazy(() => import("./more").then(({ UnsentPanel }) => UnsentPanel));
const RoutePage = lazy(() => import("./route/RoutePage").then((part) => part.RoutePage));
const DevicePanel = lazy(() => import("./device/DevicePanel").then((part) => part.DevicePanel));

/** Time to connect in before the page says that there is no connection. */
const CONNECTING_MS = 5_000;

const desk = signal<Desk | null>(null);
const link = signal<DeviceLink | null>(null);
const trouble = signal("");

async function start(): Promise<void> {
  const store = await Store.open();
  const grant = await enrol(store);
  const opened: DeviceLink = new DeviceLink(store, grant, {
    onCommand: (command) => {
      announce(command, orders.peek());
      if (command.kind === "notice" && command.body.why === "route_changed") desk.value?.askAtOnce();
      void desk.value?.refresh();
    },
    onSent: () => void desk.value?.countUnsent().then(() => sender.wake()),
    onRefused: () => enrolAgain(store).then(() => location.reload(), say),
  });
  const sender = new PhotoSender(store.album, grant, {
    isFree: async () => linkState.peek() === "live" && (await store.unsent()).steps === 0,
    onChange: () => void desk.value?.countUnsent(),
  });
  link.value = opened;
  desk.value = new Desk(store, grant, () => opened, sender);
  await desk.value.start();
  opened.start();
  watchRoom(store.album);
  watchAwake();
  keepCalling(grant.call_sign);
  const way = wantsWay() && !wayOf.value && orders.value.find((order) => order.way?.line && !isOver(order));
  if (way) openWay(way.id);
  import("./route/keeper").catch((error: unknown) => console.warn("no map for the way", error));
  await Promise.all([import("./more"), laterStyles()]); // now, while there is signal
}

function say(error: unknown): void {
  trouble.value = errorWords(error);
}

function HandsetPage() {
  useEffect(() => {
    start().catch(say);
  }, []);
  useEffect(() => {
    document.title = `${t("app.name")} · ${t("handset.title")}`;
  });
  return (
    <div class="handset">
      <Bar />
      <div class="handset-banners">
        <LinkBanner />
        <StanceBanner />
        <SessionBanner />
        <BuildBanner />
        {!isSecureContext && <Insecure />}
      </div>
      <main>{desk.value ? <Shown desk={desk.value} /> : <Setup />}</main>
      {desk.value && <Sos desk={desk.value} />}
      <StatusLine />
      {aboutDevice.value && <DevicePanel />}
    </div>
  );
}

function Bar() {
  const state = linkState.value;
  return (
    <header class="handset-bar">
      <span
        class="handset-light"
        data-testid="link"
        data-state={state}
        data-door={linkDoor.value}
        role="img"
        aria-label={t(state === "live" ? "link.live" : "link.off")}
      />
      <h1 data-testid="handset-unit">{desk.value?.grant.call_sign ?? t("handset.title")}</h1>
      <span class="handset-badge">{desk.value?.grant.badge}</span>
      <span class="handset-corner">
        {battery.value && (
          <Battery pct={battery.value.pct} charging={battery.value.charging} device="handset" />
        )}
        <Switches />
        <SettingsButton />
        {desk.value && <SignOut desk={desk.value} />}
      </span>
    </header>
  );
}

function SettingsButton() {
  const open = useSignal(false);
  return (
    <>
      <Button
        kind="quiet"
        size="small"
        aria-label={t("settings.open")}
        title={t("settings.open")}
        data-testid="settings"
        onClick={() => {
          open.value = true;
        }}
      >
        <span class="handset-gear" aria-hidden="true">
          ⚙
        </span>
      </Button>
      {open.value && (
        <SettingsPanel
          onClose={() => {
            open.value = false;
          }}
        />
      )}
    </>
  );
}

/** A handset that changes hands. What is unsent goes out under this officer's name, so it goes first. */
function SignOut({ desk }: { desk: Desk }) {
  const asking = useSignal(false);
  const waiting = unsent.value.steps + unsent.value.photos;
  const blocked = waiting > 0;
  const close = () => {
    asking.value = false;
  };
  return (
    <>
      <Button
        kind="quiet"
        size="small"
        icon="sign_out"
        aria-label={t("app.sign_out")}
        title={t("app.sign_out")}
        data-testid="sign-out"
        onClick={() => {
          asking.value = true;
        }}
      />
      {asking.value && (
        <Dialog title={t("sign_out.title")} onClose={close}>
          <p>{t(blocked ? "sign_out.blocked" : "sign_out.why", { n: waiting })}</p>
          <Button
            size="large"
            kind="danger"
            disabled={blocked}
            data-testid="sign-out-confirm"
            onClick={() => desk.signOut().then(api.goToLogin, toastError)}
          >
            {t("app.sign_out")}
          </Button>
          <Button size="large" kind="quiet" onClick={close}>
            {t("app.back")}
          </Button>
        </Dialog>
      )}
    </>
  );
}

function LinkBanner() {
  const state = linkState.value;
  if (state === "live") return null;
  const silentMs = ageMs(new Date(silentSince.value ?? Date.now()).toISOString());
  const waiting = state === "waiting" || (state === "connecting" && silentMs > CONNECTING_MS);
  return (
    <p
      class="notice handset-notice"
      data-kind={state === "refused" ? "bad" : "warn"}
      data-testid="link-banner"
      data-state={state}
      role="status"
    >
      {waiting ? t("link.waiting", { age: durationText(silentMs) }) : t(`link.${state}`, { age: "" })}
      {state === "replaced" && (
        <Button size="small" onClick={() => location.reload()}>
          {t("link.take_over")}
        </Button>
      )}
      {waiting && (
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

/** War, until its time is over or a notice says otherwise: every order waits for less long. */
function StanceBanner() {
  const told = stance.value;
  if (told?.mode !== "war" || (told.until !== null && told.until <= now.value)) return null;
  const until = told.until === null ? "" : localTime(told.until, false);
  return (
    <p class="notice handset-notice" data-kind="bad" data-testid="stance-banner" role="status">
      <b>{t("stance.war", { until })}</b> {told.text}
    </p>
  );
}

/** Orders and steps need nobody signed in; the way and its map do. */
function SessionBanner() {
  if (session.value !== "expired" || linkState.value === "refused") return null;
  return (
    <p class="notice handset-notice" data-kind="warn" data-testid="session-banner" role="status">
      {t("session.expired")}
      <Button size="small" onClick={api.goToLogin}>
        {t("link.sign_in")}
      </Button>
    </p>
  );
}

/** Another build waits. Nobody is asked to load the page anew in the middle of an order. */
function BuildBanner() {
  const build = waitingBuild.value;
  if (!build || orders.value.some((order) => !isOver(order))) return null;
  return (
    <p class="notice handset-notice" data-testid="build-banner" role="status">
      {t("build.waiting")}
      <Button size="small" data-testid="build-load" onClick={() => takeOver(build)}>
        {t("build.load")}
      </Button>
    </p>
  );
}

function Insecure() {
  return (
    <details class="notice handset-notice" data-kind="warn" data-testid="insecure">
      <summary>{t("handset.insecure")}</summary>
      <p>{t("handset.insecure.what")}</p>
      <p>{t("handset.insecure.how", { host: location.hostname })}</p>
    </details>
  );
}

function Shown({ desk }: { desk: Desk }) {
  const id = wayOf.value;
  return id ? <RoutePage key={id} desk={desk} orderId={id} /> : <Orders desk={desk} />;
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
  const asked = asks.value.filter(({ dismissed }) => !dismissed);
  return (
    <>
      {open.length + asked.length === 0 && (
        <div class="handset-empty" data-testid="no-order">
          <h2>{t("orders.none")}</h2>
          <p>{t("orders.none.hint")}</p>
        </div>
      )}
      {asked.map((ask) => (
        <LeaderCard key={ask.id} ask={ask} desk={desk} />
      ))}
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
  const { steps, fixes, photos } = unsent.value;
  const open = useSignal(false);
  const fix = lastFix.value;
  const place =
    positionState.value === "known" && fix
      ? t("position.known", {
          age: t("age.ago", { age: durationText(ageMs(new Date(fix.at).toISOString())) }),
          acc: Math.round(fix.acc ?? 0),
          every: durationText(1000 * plan.value.everyS),
        })
      : t(positionState.value === "known" ? "position.waiting" : `position.${positionState.value}`);
  const low = plan.value.band !== "enough" && battery.value;
  return (
    <footer class="handset-status">
      <button
        type="button"
        data-testid="unsent"
        data-steps={steps}
        data-photos={photos}
        data-waiting={steps + photos > 0}
        title={t("unsent.open")}
        onClick={() => {
          open.value = true;
        }}
      >
        {[
          ...(steps > 0 ? [t("unsent.steps", { n: steps })] : []),
          ...(photos > 0 ? [t("unsent.photos", { n: photos })] : []),
          ...(steps + photos === 0 ? [t("unsent.none")] : []),
          ...(fixes > 1 ? [t("unsent.fixes", { n: fixes })] : []),
        ].join(" · ")}
      </button>
      <button
        type="button"
        class="handset-device"
        data-testid="device-open"
        data-every={plan.value.everyS}
        aria-haspopup="dialog"
        onClick={() => {
          aboutDevice.value = true;
        }}
      >
        {place}
        {low && ` · ${t("position.battery", { pct: low.pct })}`}
        {batteryTold.value === false && !battery.value && ` · ${t("position.no_battery")}`}
      </button>
      {roomIsLow.value && (
        <span class="handset-low" role="status" data-testid="room-low">
          {t("room.low")}
        </span>
      )}
      {open.value && desk.value && (
        <UnsentPanel
          desk={desk.value}
          onClose={() => {
            open.value = false;
          }}
        />
      )}
    </footer>
  );
}

startServiceWorker();
mount(HandsetPage);
