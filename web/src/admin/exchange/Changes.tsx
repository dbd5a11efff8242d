// What a file would change, entry by entry: as it is, as it would be.
import type { Change } from "./api";
import { t } from "./words";

interface Properties {
  /** The first of them. */
  changes: Change[];
  total: number;
}

export function Changes({ changes, total }: Properties) {
  return (
    <>
      <table class="admin-matrix exchange-changes" data-testid="import-changes">
        <thead>
          <tr>
            <th scope="col">{t("changes.what")}</th>
            <th scope="col">{t("changes.how")}</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr key={`${change.what} ${change.key}`} data-testid="import-change">
              <th scope="row">
                {t(`what.${change.what}`)} <b>{change.key}</b>
                {change.new && <span class="admin-soft">{t("changes.new")}</span>}
              </th>
              <td>
                {fieldsOf(change).map((words) => (
                  <div key={words}>{words}</div>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {total > changes.length && <p class="admin-note">{t("changes.more", { n: total - changes.length })}</p>}
    </>
  );
}

/** Of a new entry only what is said of it. */
function fieldsOf(change: Change): string[] {
  return Object.entries(change.fields)
    .filter(([, { to }]) => !change.new || !isNothing(to))
    .map(([name, { from, to }]) => {
      const field = t.loose(`field.${name}`, {}, name);
      return change.new
        ? t("changes.value", { field, to: words(to) })
        : t("changes.field", { field, from: words(from), to: words(to) });
    });
}

const isNothing = (value: unknown): boolean =>
  value === null || value === "" || value === false || (Array.isArray(value) && value.length === 0);

function words(value: unknown): string {
  if (isNothing(value)) return t("changes.none");
  if (value === true) return t("changes.yes");
  if (Array.isArray(value)) return value.join(t("list.comma"));
  return t.loose(`unit.${value}`, {}, t.loose(`device.${value}`, {}, String(value)));
}
