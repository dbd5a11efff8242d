// A warning or a task from outside, entered by hand: it waits in the worklist until somebody has made
// something of it.
//
// Marks for browser tests: receive-kind-<kind>, receive-urgency-<urgency>, receive-source, receive-text,
// receive-place, receive-spot, receive-from, receive-until, receive-submit, receive-error.
import { type Signal, useSignal } from "@preact/signals";
import { requestId } from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { Dialog } from "../../shared/components/Dialog";
import { toast } from "../../shared/components/Toast";
import { nextTry } from "../../shared/retry";
import type { Priority } from "../../shared/types";
import { errorWords } from "../../shared/words";
import { picked } from "../picked";
import { noting, page, show } from "../store";
import { positionWords } from "../words";
import * as api from "./api";
import { instantOf } from "./times";
import { t } from "./words";

const KINDS: api.IntakeKind[] = ["warning", "task"];
const URGENCIES: Priority[] = ["emergency", "priority", "routine"];
const SOURCES = ["weather", "rescue", "command", "public"] as const;
const TEXT_MAX = 2000;
const LINE_MAX = 100;

/** The browser says so a moment after, when another dialog may be open already. */
const close = () => {
  if (noting.peek() === "intake") noting.value = null;
};

export function ReceiveDialog() {
  const spot = picked.peek();
  const wish = useSignal(requestId());
  const kind = useSignal<api.IntakeKind>("warning");
  const urgency = useSignal<Priority>("routine");
  const [source, text, from, until] = [useSignal(""), useSignal(""), useSignal(""), useSignal("")];
  const place = useSignal(spot?.name ?? "");
  const isThere = useSignal(spot !== null);
  const busy = useSignal(false);
  const complaint = useSignal("");

  async function send(event: Event): Promise<void> {
    event.preventDefault();
    if (busy.value) return;
    busy.value = true;
    complaint.value = "";
    const [from_at, until_at] = [instantOf(from.value), instantOf(until.value)];
    try {
      const taken = await api.receive({
        request_id: wish.value,
        kind: kind.value,
        source: source.value.trim(),
        urgency: urgency.value,
        text: text.value.trim(),
        place: place.value.trim(),
        ...(spot && isThere.value ? { lon: spot.lon, lat: spot.lat } : {}),
        ...(from_at ? { from_at } : {}),
        ...(until_at ? { until_at } : {}),
      });
      toast(t("receive.done", { number: taken.number }));
      page.value = null;
      show("work");
      close();
    } catch (error) {
      complaint.value = errorWords(error, t);
      wish.value = nextTry(wish.value, error);
    } finally {
      busy.value = false;
    }
  }

  return (
    <Dialog title={t("receive")} onClose={close}>
      <form class="ask-form" onSubmit={(event) => void send(event)}>
        <Segments name="kind" options={KINDS} chosen={kind} />
        <Segments name="urgency" options={URGENCIES} chosen={urgency} />
        <Line name="source" text={source} required list="receive-sources" />
        <datalist id="receive-sources">
          {SOURCES.map((each) => (
            <option key={each} value={t(`source.${each}`)} />
          ))}
        </datalist>
        <label class="field">
          <span>{t("receive.text")}</span>
          <textarea
            class="input"
            rows={3}
            required
            maxLength={TEXT_MAX}
            data-testid="receive-text"
            value={text.value}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value;
            }}
          />
        </label>
        <Line name="place" text={place} />
        {spot ? (
          <label class="reach-check">
            <input
              type="checkbox"
              data-testid="receive-spot"
              checked={isThere.value}
              onChange={({ currentTarget }) => {
                isThere.value = currentTarget.checked;
              }}
            />
            {t("receive.spot", { at: positionWords(spot.lon, spot.lat) })}
          </label>
        ) : (
          <p class="row-soft">{t("receive.no_spot")}</p>
        )}
        <div class="reach-choices">
          <Moment name="from" local={from} />
          <Moment name="until" local={until} />
        </div>
        <div role="alert">
          {complaint.value && (
            <p class="notice" data-kind="bad" data-testid="receive-error">
              {complaint.value}
            </p>
          )}
        </div>
        <div class="dialog-actions">
          <Button kind="quiet" onClick={close}>
            {t("app.back")}
          </Button>
          <Button type="submit" kind="primary" busy={busy.value} data-testid="receive-submit">
            {t("receive.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Segments<W extends api.IntakeKind | Priority>({
  name,
  options,
  chosen,
}: {
  name: "kind" | "urgency";
  options: readonly W[];
  chosen: Signal<W>;
}) {
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">{t(`receive.${name}`)}</legend>
      {options.map((each) => (
        <label key={each} data-priority={name === "urgency" ? each : "routine"}>
          <input
            type="radio"
            name={`receive-${name}`}
            checked={chosen.value === each}
            data-testid={`receive-${name}-${each}`}
            onChange={() => {
              chosen.value = each;
            }}
          />
          <span>{t.loose(name === "kind" ? `kind.${each}` : `priority.${each}`, {}, each)}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Moment({ name, local }: { name: "from" | "until"; local: Signal<string> }) {
  return (
    <label class="field">
      <span>{t(`receive.${name}`)}</span>
      <input
        class="input"
        type="datetime-local"
        data-testid={`receive-${name}`}
        value={local.value}
        onInput={({ currentTarget }) => {
          local.value = currentTarget.value;
        }}
      />
    </label>
  );
}

function Line({
  name,
  text,
  required = false,
  list,
}: {
  name: "source" | "place";
  text: Signal<string>;
  required?: boolean;
  list?: string;
}) {
  return (
    <label class="field">
      <span>{t(`receive.${name}`)}</span>
      <input
        class="input"
        data-testid={`receive-${name}`}
        maxLength={LINE_MAX}
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
        required={required}
        list={list}
      />
    </label>
  );
}
