// Spare packs, power banks and cameras by where they lie; taken, put back, charged.
import { useSignal } from "@preact/signals";
import { Button } from "../../shared/components/Button";
import { AskDialog, Dialog } from "../../shared/components/Dialog";
import { Age } from "../../shared/components/Time";
import { units, unitsByName } from "../store";
import { listWords } from "../words";
import { busy, type Place, put, type Spare, spares, take } from "./store";
import { t } from "./words";

export function Spares() {
  const all = spares.value;
  if (!all) return null;
  if (all.length === 0) return <p class="empty">{t("spares.none")}</p>;
  return (
    <div class="spare-groups">
      {groups(all).map(([name, members]) => (
        <section key={name} aria-label={name} data-testid="spare-group">
          <h3 class="group-title">
            {name} <span>{countWords(members)}</span>
          </h3>
          <ul>
            {members.map((spare) => (
              <li key={spare.id}>
                <SpareRow spare={spare} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

/** Stations, then vehicles, then those that somebody has. */
function groups(all: Spare[]): [string, Spare[]][] {
  const found = new Map<string, Spare[]>();
  const rank = (spare: Spare) => (spare.station ? 0 : spare.unit_id ? 1 : 2);
  for (const spare of [...all].sort((a, b) => rank(a) - rank(b))) {
    const name =
      spare.station ?? (spare.call_sign ? t("spares.vehicle", { unit: spare.call_sign }) : t("spares.taken"));
    found.set(name, [...(found.get(name) ?? []), spare]);
  }
  return [...found];
}

const countWords = (members: Spare[]): string =>
  t("spares.charged", { charged: members.filter(({ charged }) => charged).length, all: members.length });

function SpareRow({ spare }: { spare: Spare }) {
  const asking = useSignal<"take" | "put" | null>(null);
  const close = () => {
    asking.value = null;
  };
  const place: Place | null = spare.station
    ? { station: spare.station }
    : spare.call_sign
      ? { unit: spare.call_sign }
      : null;
  return (
    <div class="spare-row" data-testid="spare" data-label={spare.label} data-charged={spare.charged}>
      <span class="spare-what">
        <b>{spare.label}</b> {t(`spare.${spare.kind}`)}
        <span class="row-soft">
          {spare.fits.length ? t("spares.fits", { models: listWords(spare.fits) }) : t("spares.fits.any")}
        </span>
        {spare.taken_at && (
          <span class="row-soft" data-testid="spare-taken">
            {t("spares.taken_by", { name: spare.taken_name ?? spare.taken_by ?? "" })}{" "}
            <Age at={spare.taken_at} />
          </span>
        )}
      </span>
      <span class="spare-charge" data-charged={spare.charged}>
        {t(spare.charged ? "spares.full" : "spares.empty")}
      </span>
      <span class="spare-actions">
        {place && !spare.charged && (
          <Button
            size="small"
            icon="bolt"
            busy={busy.value}
            data-testid="spare-charged"
            onClick={() => void put(spare, place, true)}
          >
            {t("spares.now_charged")}
          </Button>
        )}
        {place && (
          <Button
            size="small"
            data-testid="spare-take"
            onClick={() => {
              asking.value = "take";
            }}
          >
            {t("spares.take")}
          </Button>
        )}
        <Button
          size="small"
          data-testid="spare-put"
          onClick={() => {
            asking.value = "put";
          }}
        >
          {t(place ? "spares.move" : "spares.back")}
        </Button>
      </span>
      {asking.value === "take" && (
        <AskDialog
          title={t("spares.take.title", { label: spare.label })}
          label={t("spares.badge")}
          confirm={t("spares.take")}
          required
          suggestions={[...units.value.values()].flatMap(({ officers }) =>
            officers.map(({ badge }) => badge),
          )}
          onClose={close}
          onAnswer={(badge) => {
            close();
            void take(spare, badge);
          }}
        />
      )}
      {asking.value === "put" && <PutDialog spare={spare} onClose={close} />}
    </div>
  );
}

function PutDialog({ spare, onClose }: { spare: Spare; onClose: () => void }) {
  const where = useSignal("");
  const charged = useSignal(spare.charged && spare.taken_at === null);
  const stations = new Set(
    [
      ...unitsByName.value.map(({ station }) => station),
      ...(spares.value ?? []).map(({ station }) => station),
    ].filter((name) => name !== null),
  );
  return (
    <Dialog title={t("spares.put.title", { label: spare.label })} onClose={onClose}>
      <form
        class="ask-form"
        onSubmit={(event) => {
          event.preventDefault();
          const [kind, name = ""] = where.value.split(/:(.*)/);
          onClose();
          void put(spare, kind === "unit" ? { unit: name } : { station: name }, charged.value);
        }}
      >
        <label class="field">
          <span>{t("spares.where")}</span>
          <select
            class="input"
            required
            data-testid="spare-where"
            value={where.value}
            onChange={(event) => {
              where.value = event.currentTarget.value;
            }}
          >
            <option value="" />
            {[...stations].sort().map((name) => (
              <option key={name} value={`station:${name}`}>
                {name}
              </option>
            ))}
            {unitsByName.value.map(({ call_sign: name }) => (
              <option key={name} value={`unit:${name}`}>
                {t("spares.vehicle", { unit: name })}
              </option>
            ))}
          </select>
        </label>
        <label class="reach-check">
          <input
            type="checkbox"
            checked={charged.value}
            data-testid="spare-is-charged"
            onChange={(event) => {
              charged.value = event.currentTarget.checked;
            }}
          />
          {t("spares.full")}
        </label>
        <div class="dialog-actions">
          <Button kind="quiet" onClick={onClose}>
            {t("back")}
          </Button>
          <Button type="submit" kind="primary" data-testid="spare-put-confirm">
            {t("spares.put")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
