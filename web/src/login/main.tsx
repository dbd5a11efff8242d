// Sign in; choose a password when the account still has its first one; go to the role's face.
//
// Marks for browser tests (data-testid): login-username, login-password, login-submit, login-error,
// new-password, new-password-again, new-password-submit, theme, language.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import * as api from "../shared/api";
import { Button } from "../shared/components/Button";
import { Switches } from "../shared/components/Switches";
import { mount } from "../shared/mount";
import type { User } from "../shared/types";
import { errorWords } from "../shared/words";
import "./login.css";
import { Ridges } from "./Ridges";
import { t } from "./words";

/** The page that sent us here, when it is one of ours; otherwise the server picks the role's face. */
function enter(): void {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  location.assign(/^\/[a-z]*$/.test(next) ? next : "/");
}

function LoginPage() {
  const user = useSignal<User | null>(null);
  const password = useSignal("");
  const mustChange = user.value?.must_change_password === true;

  useEffect(() => {
    document.title = `${t("app.name")} · ${t("login.title")}`;
  });

  return (
    <main class="login">
      <Ridges />
      <div class="login-corner">
        <Switches />
      </div>
      <section class="login-card">
        <header class="login-brand">
          <BrandMark />
          <div>
            <h1>{t("app.name")}</h1>
            <p>{t("login.tagline")}</p>
          </div>
        </header>
        {mustChange ? (
          <PasswordForm old={password.value} onDone={enter} />
        ) : (
          <SignInForm
            onSignedIn={(signedIn, typed) => {
              if (!signedIn.must_change_password) return enter();
              password.value = typed;
              user.value = signedIn;
            }}
          />
        )}
      </section>
    </main>
  );
}

function SignInForm({ onSignedIn }: { onSignedIn: (user: User, password: string) => void }) {
  const failure = useSignal("");
  const busy = useSignal(false);
  const capsLock = useSignal(false);
  const username = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => username.current?.focus(), []);

  async function submit(event: Event) {
    event.preventDefault();
    const typed = password.current?.value ?? "";
    busy.value = true;
    failure.value = "";
    try {
      onSignedIn(await api.login(username.current?.value.trim() ?? "", typed), typed);
    } catch (error) {
      failure.value = errorWords(error);
      password.current?.select();
    } finally {
      busy.value = false;
    }
  }

  return (
    <form onSubmit={submit} class="login-form">
      <label class="field">
        <span>{t("login.username")}</span>
        <input
          ref={username}
          class="input"
          data-testid="login-username"
          name="username"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
        />
      </label>
      <label class="field">
        <span>{t("login.password")}</span>
        <input
          ref={password}
          class="input"
          data-testid="login-password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          onKeyUp={(event) => {
            capsLock.value = event.getModifierState("CapsLock");
          }}
        />
      </label>
      {capsLock.value && <p class="login-hint">{t("login.caps")}</p>}
      <Failure>{failure.value}</Failure>
      <Button type="submit" kind="primary" size="large" busy={busy.value} data-testid="login-submit">
        {t("login.submit")}
      </Button>
    </form>
  );
}

function PasswordForm({ old, onDone }: { old: string; onDone: () => void }) {
  const failure = useSignal("");
  const busy = useSignal(false);
  const first = useRef<HTMLInputElement>(null);
  const second = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => first.current?.focus(), []);

  async function submit(event: Event) {
    event.preventDefault();
    const chosen = first.current?.value ?? "";
    if (chosen !== second.current?.value) {
      failure.value = t("login.password.differ");
      return;
    }
    busy.value = true;
    failure.value = "";
    try {
      await api.changePassword(old, chosen);
      onDone();
    } catch (error) {
      failure.value = errorWords(error);
    } finally {
      busy.value = false;
    }
  }

  return (
    <form onSubmit={submit} class="login-form">
      <h2>{t("login.password.title")}</h2>
      <p class="login-hint">{t("login.password.why")}</p>
      {[
        { reference: first, label: t("login.password.new"), testId: "new-password" },
        { reference: second, label: t("login.password.again"), testId: "new-password-again" },
      ].map(({ reference, label, testId }) => (
        <label class="field" key={testId}>
          <span>{label}</span>
          <input
            ref={reference}
            class="input"
            data-testid={testId}
            type="password"
            autocomplete="new-password"
            minLength={10}
            required
          />
        </label>
      ))}
      <p class="login-hint">{t("login.password.hint")}</p>
      <Failure>{failure.value}</Failure>
      <Button type="submit" kind="primary" size="large" busy={busy.value} data-testid="new-password-submit">
        {t("login.password.submit")}
      </Button>
    </form>
  );
}

function Failure({ children }: { children: ComponentChildren }) {
  return (
    <div role="alert">
      {children && (
        <p class="notice" data-kind="bad" data-testid="login-error">
          {children}
        </p>
      )}
    </div>
  );
}

function BrandMark() {
  return (
    <svg width="40" height="40" viewBox="0 0 64 64" aria-hidden="true">
      <rect width="64" height="64" rx="14" class="brand-ground" />
      <path d="M8 46 22 24l9 12 9-17 16 27" class="brand-ridge" />
      <circle cx="40" cy="17" r="4.5" class="brand-light" />
    </svg>
  );
}

mount(LoginPage);
