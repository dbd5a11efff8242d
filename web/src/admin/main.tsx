// The administrator's page: what is registered here, and who knocks without being known. Sections stand
// in a side navigation; a new one is a row of `sections.ts`.
//
// Marks for browser tests (data-testid): section-<name>, waiting-<name>, faces, face-<name>. Of all forms
// (parts/): <form>, <form>-save, <form>-cancel, <form>-undo, field-<name>, field-<name>-wrong, -add, -remove,
// list-<name>, form-error, form-conflict, form-take, reason, leave-stay, leave-go, secret, secret-done;
// of lists <list>-range, -previous, -next. Those of a section stand at the head of its first file.
import { useEffect, useRef } from "preact/hooks";
import * as api from "../shared/api";
import { Button } from "../shared/components/Button";
import { Faces } from "../shared/components/Faces";
import { Switches } from "../shared/components/Switches";
import { mount } from "../shared/mount";
import "./admin.css";
import { LeaveDialog } from "./parts/leaving";
import { GROUPS, SECTIONS, type Section, section } from "./sections";
import { signedIn, watch } from "./store";
import { t } from "./words";

function AdminPage() {
  const user = signedIn.value;
  const { Page, title } = SECTIONS[section.value];
  useEffect(() => {
    api.me().then(
      (found) => {
        signedIn.value = found;
      },
      () => undefined, // 401 already leads to the sign-in page
    );
    return watch();
  }, []);
  useEffect(() => {
    document.title = `${t("app.name")} · ${t(title)}`;
  });

  return (
    <div class="admin">
      <header class="admin-bar">
        <h1>{t("admin.title")}</h1>
        <div class="admin-corner">
          <Faces user={user} here="admin" />
          {user && <span>{user.display_name}</span>}
          <Switches />
          <Button
            kind="quiet"
            size="small"
            icon="sign_out"
            onClick={() => void api.logout().finally(api.goToLogin)}
          >
            {t("app.sign_out")}
          </Button>
        </div>
      </header>
      <nav class="admin-sections" aria-label={t("admin.sections")}>
        {GROUPS.map(({ title: group, sections }) => (
          <section key={group} aria-label={t(group)}>
            <h2>{t(group)}</h2>
            <ul>
              {sections.map((name) => (
                <Entry key={name} name={name} />
              ))}
            </ul>
          </section>
        ))}
      </nav>
      <main data-section={section.value}>
        <Page />
      </main>
      <LeaveDialog />
    </div>
  );
}

function Entry({ name }: { name: Section }) {
  const { title, waiting } = SECTIONS[name];
  const n = waiting?.value ?? 0;
  const link = useRef<HTMLAnchorElement>(null);
  const isHere = section.value === name;
  useEffect(() => {
    if (isHere) link.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [isHere]);
  return (
    <li>
      <a
        ref={link}
        href={`#${name}`}
        aria-current={isHere ? "page" : undefined}
        data-testid={`section-${name}`}
      >
        {t(title)}
        {n > 0 && (
          <span class="admin-waiting" data-testid={`waiting-${name}`}>
            <span aria-hidden="true">{n}</span>
            <span class="visually-hidden">{t("admin.waiting", { n })}</span>
          </span>
        )}
      </a>
    </li>
  );
}

mount(AdminPage);
