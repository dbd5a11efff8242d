// Devices that knock and are nobody's: made ours with one click, or dismissed.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { Age } from "../../shared/components/Time";
import { toastError } from "../../shared/components/Toast";
import * as api from "../api";
import { isOld, refresh, strangers } from "../store";
import type { Stranger } from "../types";
import { t } from "../words";
import { protocolWords } from "./protocols";
import { Register } from "./Register";

export function Strangers() {
  const chosen = useSignal<Stranger | null>(null);
  const all = strangers.value;
  if (!all) return <p class="admin-note">{t("app.loading")}</p>;
  const waiting = all.filter(({ dismissed_at }) => !dismissed_at);
  const dismissed = all.filter(({ dismissed_at }) => dismissed_at);
  const choose = (stranger: Stranger) => {
    chosen.value = stranger;
  };
  return (
    <>
      <header class="admin-head">
        <h2>{t("unknown.title")}</h2>
      </header>
      <p class="admin-about">{t("unknown.about")}</p>
      {isOld.value && (
        <p class="notice" data-kind="bad">
          {t("admin.old")}
        </p>
      )}
      {waiting.length > 0 ? (
        <Table found={waiting} onChoose={choose} />
      ) : (
        <p class="admin-note" data-testid="no-strangers">
          {t("unknown.none")}
        </p>
      )}
      {dismissed.length > 0 && (
        <details class="admin-more">
          <summary>{t("unknown.dismissed", { n: dismissed.length })}</summary>
          <Table found={dismissed} onChoose={choose} />
        </details>
      )}
      {chosen.value && (
        <Register
          stranger={chosen.value}
          onClose={() => {
            chosen.value = null;
          }}
        />
      )}
    </>
  );
}

function Table({ found, onChoose }: { found: Stranger[]; onChoose: (stranger: Stranger) => void }) {
  return (
    <table class="admin-table">
      <thead>
        <tr>
          <th scope="col">{t("unknown.column.name")}</th>
          <th scope="col">{t("unknown.column.protocol")}</th>
          <th scope="col">{t("unknown.column.said")}</th>
          <th scope="col">{t("unknown.column.heard")}</th>
          <th scope="col">{t("unknown.column.address")}</th>
          <th scope="col">
            <span class="visually-hidden">{t("unknown.column.actions")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {found.map((stranger) => (
          <Row key={`${stranger.protocol} ${stranger.external_id}`} stranger={stranger} onChoose={onChoose} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ stranger, onChoose }: { stranger: Stranger; onChoose: (stranger: Stranger) => void }) {
  const busy = useSignal(false);

  async function dismiss() {
    busy.value = true;
    try {
      await api.dismiss(stranger.protocol, stranger.external_id);
      await refresh();
    } catch (error) {
      toastError(error, t);
    } finally {
      busy.value = false;
    }
  }

  return (
    <tr data-testid="stranger" data-name={stranger.external_id}>
      <th scope="row">
        <code>{stranger.external_id}</code>
      </th>
      <td>{protocolWords(stranger.protocol)}</td>
      <td>
        <Said said={stranger.said} />
      </td>
      <td>
        <Age at={stranger.last_seen_at} />
        <span class="admin-soft">{t("unknown.count", { n: stranger.count })}</span>
      </td>
      <td>
        <code>{stranger.address}</code>
      </td>
      <td class="admin-actions">
        <Button
          kind="primary"
          size="small"
          data-testid="provision"
          aria-label={t("unknown.provision.name", { name: stranger.external_id })}
          onClick={() => onChoose(stranger)}
        >
          {t("unknown.provision")}
        </Button>
        {!stranger.dismissed_at && (
          <Button
            kind="quiet"
            size="small"
            busy={busy.value}
            data-testid="dismiss"
            aria-label={t("unknown.dismiss.name", { name: stranger.external_id })}
            onClick={() => void dismiss()}
          >
            {t("unknown.dismiss")}
          </Button>
        )}
      </td>
    </tr>
  );
}

/** What it told of itself, unchecked. */
function Said({ said }: { said: Record<string, string> }) {
  const told = Object.entries(said);
  if (told.length === 0) return <span class="admin-none">{t("unknown.said.nothing")}</span>;
  return (
    <ul class="admin-names">
      {told.map(([name, value]) => (
        <li key={name}>
          <span class="admin-soft">{t.loose(`said.${name}`, {}, name)}</span> {value}
        </li>
      ))}
    </ul>
  );
}
