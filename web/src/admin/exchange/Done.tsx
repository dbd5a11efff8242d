// After an import: secrets that are there this once, and the file that leads back.
import { useEffect, useState } from "preact/hooks";
import type { Taken } from "./api";
import { t } from "./words";

export function Done({ taken }: { taken: Taken }) {
  const { secrets, way_back } = taken;
  const count = secrets.devices.length + secrets.users.length;
  return (
    <div class="exchange-done" role="status" data-testid="import-done">
      <p>{t("done.made", { n: taken.made })}</p>
      {count > 0 && (
        <p class="notice">
          {t("done.secrets", { n: count })}{" "}
          <Download content={secrets} name="secrets.json" mark="import-secrets">
            {t("done.secrets.file")}
          </Download>
        </p>
      )}
      <p>
        {t("done.back")}{" "}
        <Download content={way_back} name="way-back.json" mark="import-way-back">
          {t("done.back.file")}
        </Download>
      </p>
    </div>
  );
}

interface Properties {
  content: unknown;
  name: string;
  mark: string;
  children: string;
}

/** What is only here, as a file; its address ends with the page. */
function Download({ content, name, mark, children }: Properties) {
  const [address, setAddress] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(
      new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }),
    );
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [content]);
  return (
    <a class="admin-download" href={address} download={name} data-testid={mark}>
      {children}
    </a>
  );
}
