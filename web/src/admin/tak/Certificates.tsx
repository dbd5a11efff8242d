// Who may come in with a TAK client: certificates, made as data packages, and taken back.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Button } from "../../shared/components/Button";
import { Age, Time } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import { serverNow } from "../../shared/time";
import { t } from "../words";
import { PackageDialog } from "./PackageDialog";
import { type Certificate, certificates, look, revoke } from "./store";

export function Certificates() {
  const issuing = useSignal(false);
  useEffect(() => void look(), []);
  const all = certificates.value;
  if (!all) return <p class="admin-note">{t("app.loading")}</p>;
  return (
    <>
      <header class="admin-head">
        <h2>{t("tak.title")}</h2>
        <Button
          kind="primary"
          icon="plus"
          data-testid="tak-issue"
          onClick={() => {
            issuing.value = true;
          }}
        >
          {t("tak.issue")}
        </Button>
      </header>
      <p class="admin-about">{t("tak.about")}</p>
      {all.length > 0 ? (
        <table class="admin-table">
          <thead>
            <tr>
              <th scope="col">{t("tak.column.user")}</th>
              <th scope="col">{t("tak.column.uid")}</th>
              <th scope="col">{t("tak.column.seen")}</th>
              <th scope="col">{t("tak.column.until")}</th>
              <th scope="col">
                <span class="visually-hidden">{t("unknown.column.actions")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {all.map((certificate) => (
              <Row key={certificate.serial} certificate={certificate} />
            ))}
          </tbody>
        </table>
      ) : (
        <p class="admin-note">{t("tak.none")}</p>
      )}
      {issuing.value && (
        <PackageDialog
          onClose={() => {
            issuing.value = false;
          }}
        />
      )}
    </>
  );
}

function Row({ certificate }: { certificate: Certificate }) {
  const { serial, username, display_name, badge, uid, seen_at, expires_at, revoked_at } = certificate;
  const sure = useSignal(false);
  const busy = useSignal(false);
  const isOver = revoked_at !== null || Date.parse(expires_at) < serverNow();

  async function end() {
    busy.value = true;
    try {
      await revoke(serial);
      await look();
    } catch (error) {
      toastError(error, t);
    } finally {
      busy.value = false;
    }
  }

  return (
    <tr data-testid="certificate" data-user={username}>
      <th scope="row">
        {display_name}
        <span class="admin-soft">{badge ? `${username} · ${badge}` : username}</span>
      </th>
      <td>{uid ? <code>{uid}</code> : <span class="admin-none">{t("tak.uid.none")}</span>}</td>
      <td>
        <Age at={seen_at} />
      </td>
      <td>
        {revoked_at ? (
          <span class="admin-none">
            {t("tak.revoked")} <Age at={revoked_at} />
          </span>
        ) : (
          <Time at={expires_at} seconds={false} />
        )}
      </td>
      <td class="admin-actions">
        {!isOver &&
          (sure.value ? (
            <Button
              kind="danger"
              size="small"
              busy={busy.value}
              data-testid="tak-revoke-sure"
              onClick={() => void end()}
            >
              {t("tak.revoke.sure")}
            </Button>
          ) : (
            <Button
              kind="quiet"
              size="small"
              data-testid="tak-revoke"
              aria-label={t("tak.revoke.name", { name: display_name })}
              onClick={() => {
                sure.value = true;
              }}
            >
              {t("tak.revoke")}
            </Button>
          ))}
      </td>
    </tr>
  );
}
