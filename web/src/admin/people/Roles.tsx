// Each role, and what it may do: read off the server's own doors.
import { useEffect } from "preact/hooks";
import type { Role } from "../../shared/types";
import type { RoleTable } from "./api";
import { mayWords, readTable, table } from "./rolewords";
import { t } from "./words";

export function Roles() {
  useEffect(() => void readTable(), []);
  const known = table.value;
  return (
    <>
      <header class="admin-head">
        <h2>{t("roles.title")}</h2>
      </header>
      <p class="admin-about">{t("roles.about")}</p>
      {known ? <Table known={known} /> : <p class="admin-note">{t("app.loading")}</p>}
    </>
  );
}

function Table({ known }: { known: RoleTable }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
    <section class="admin-wide" tabIndex={0} aria-label={t("roles.title")}>
      <table class="admin-matrix" data-testid="roles">
        <thead>
          <tr>
            <th scope="col">{t("roles.column.what")}</th>
            {known.roles.map((role) => (
              <th key={role} scope="col">
                {t(`role.${role}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{t("roles.opens")}</th>
            {known.roles.map((role) => (
              <td key={role}>{known.faces[role].map((face) => t(`face.${face}`)).join(t("list.comma"))}</td>
            ))}
          </tr>
          {known.may.map(({ what, roles, partly }) => (
            <tr key={what} data-may={what}>
              <th scope="row">{mayWords(what)}</th>
              {known.roles.map((role) => (
                <Cell key={role} role={role} all={roles} some={partly} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Cell({ role, all, some }: { role: Role; all: Role[]; some: Role[] }) {
  if (all.includes(role)) return <td class="admin-yes">{t("roles.yes")}</td>;
  return <td class="admin-none">{some.includes(role) ? t("roles.partly") : "–"}</td>;
}
