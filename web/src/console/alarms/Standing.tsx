// Alarms that nobody here has seen yet: what, whom it is about, since when; one key for the first.
import { Button } from "../../shared/components/Button";
import { Icon } from "../../shared/components/Icon";
import { Age, Time } from "../../shared/components/Time";
import { cap } from "../keys/table";
import { unacknowledged } from "../sos";
import { CLASSES } from "./classes";
import type { Alarm } from "./due";
import { acknowledge, standing } from "./engine";
import { noteSeen } from "./seen";
import { t } from "./words";

const ROWS_MAX = 3;

export function Standing() {
  const alarms = standing.value;
  if (alarms.length === 0) return null;
  const more = alarms.length - ROWS_MAX;
  return (
    <section
      class="standing"
      aria-label={t("standing.title")}
      data-testid="standing"
      data-count={alarms.length}
    >
      <ul>
        {alarms.slice(0, ROWS_MAX).map((alarm, index) => (
          <li key={alarm.id}>
            <Row alarm={alarm} first={index === 0 && unacknowledged.value.length === 0} />
          </li>
        ))}
      </ul>
      {alarms.length > 1 && (
        <p class="standing-foot">
          {more > 0 && t("standing.more", { count: more })}
          <Button
            size="small"
            data-testid="standing-all"
            onClick={() => {
              for (const { id } of standing.peek()) noteSeen(id);
            }}
          >
            {t("standing.all", { count: alarms.length })}
          </Button>
        </p>
      )}
    </section>
  );
}

function Row({ alarm, first }: { alarm: Alarm; first: boolean }) {
  const at = new Date(alarm.at).toISOString();
  return (
    <div class="standing-row" data-testid="standing-row" data-class={alarm.name}>
      <Icon name={CLASSES[alarm.name].icon} size={18} />
      <span class="standing-what" role="alert">
        <b>{t(`class.${alarm.name}`)}</b> <span>{alarm.what()}</span> <span>{alarm.about()}</span>
      </span>
      <span class="standing-when">
        <Time at={at} /> · <Age at={at} bare />
      </span>
      <Button
        size="small"
        {...(first ? { cap: cap("acknowledge") } : {})}
        data-testid="standing-see"
        onClick={() => acknowledge(alarm)}
      >
        {t("standing.see")}
      </Button>
    </div>
  );
}
