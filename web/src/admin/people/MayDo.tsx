// What somebody with these roles may do, as the server's doors have it.
import { useEffect } from "preact/hooks";
import type { Role } from "../../shared/types";
import { mayWords, readTable, table } from "./rolewords";
import { t } from "./words";

export function MayDo({ roles }: { roles: readonly Role[] }) {
  useEffect(() => void readTable(), []);
  const known = table.value;
  if (!known) return null;
  const faces = Object.keys(FACE_ORDER).filter((face) =>
    roles.some((role) => known.faces[role].includes(face as keyof typeof FACE_ORDER)),
  ) as (keyof typeof FACE_ORDER)[];
  const may = known.may.filter((line) => line.roles.some((role) => roles.includes(role)));
  return (
    <section class="admin-may" aria-label={t("may.title")} data-testid="may-do">
      <h3>{t("may.title")}</h3>
      {roles.length === 0 ? (
        <p class="admin-soft">{t("may.nothing")}</p>
      ) : (
        <>
          <p>{t("may.opens", { faces: faces.map((face) => t(`face.${face}`)).join(t("list.comma")) })}</p>
          <ul>
            {may.map(({ what }) => (
              <li key={what}>{mayWords(what)}</li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

const FACE_ORDER = { console: 0, handset: 1, audit: 2, admin: 3 };
