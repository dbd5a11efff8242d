// What the county is left with without each free unit, who could move up where, and the posts to wait at.
//
// Marks for browser tests: cover-share, cover-unheard, cover-left (data-unit), cover-move (data-unit), cover-send,
// cover-post (data-name), cover-retire, cover-name, cover-add.
import { useSignal } from "@preact/signals";
import { call, requestId } from "../../shared/api";
import { Button } from "../../shared/components/Button";
import { toast, toastError } from "../../shared/components/Toast";
import { nextTry } from "../../shared/retry";
import { callSign, openUnit } from "../commands";
import { camera } from "../map/camera";
import { picked } from "../picked";
import { units, user } from "../store";
import { listWords } from "../words";
import { askAgain, type Cover, cover, type MoveUp, type Post } from "./reach_store";
import { t } from "./words";

const LEFT_LEN = 12;
const NAME_MAX = 64;

const may = (...roles: string[]): boolean => user.value?.roles.some((each) => roles.includes(each)) ?? false;
const count = (people: number): string => people.toLocaleString("en");
const percent = (share: number): number => Math.floor(share * 100);

export function CoverNow() {
  const found = cover.value;
  if (!found) return null;
  return (
    <>
      <p class="batteries-sum" data-testid="cover-share">
        <b>{percent(found.covered)} %</b> {t("cover.share", { minutes: Math.round(found.limit_min) })}
      </p>
      {found.unheard.length > 0 && (
        <p class="row-soft" data-testid="cover-unheard">
          {t("cover.unheard", { units: listWords(found.unheard.map(callSign)) })}
        </p>
      )}
      <Moves found={found} />
      <Left found={found} />
      <Posts found={found} />
    </>
  );
}

function Moves({ found }: { found: Cover }) {
  if (found.move_ups.length === 0) return <p class="row-soft">{t("cover.moves.none")}</p>;
  return (
    <section>
      <h2 class="group-title">{t("cover.moves")}</h2>
      <ul class="cover-list">
        {found.move_ups.map((move) => (
          <li key={`${move.unit_id}${move.post.id}`} data-testid="cover-move" data-unit={move.unit_id}>
            <Move move={move} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Move({ move }: { move: MoveUp }) {
  const busy = useSignal(false);
  const wish = useSignal(requestId());
  const { unit_id: unitId, post, people } = move;
  const words = { unit: callSign(unitId), post: post.name, people: count(people) };
  const send = async () => {
    busy.value = true;
    const wanted = {
      request_id: wish.value,
      unit_id: unitId,
      post_id: post.id,
      reason: t("cover.reason", words),
    };
    try {
      await call("POST", "/api/cover/move-up", wanted);
      toast(t("cover.sent", words));
      askAgain();
    } catch (error) {
      toastError(error, t);
      wish.value = nextTry(wish.value, error);
      busy.value = false;
    }
  };
  return (
    <>
      <span class="cover-line">
        <b>{t("cover.move", words)}</b>
        {may("dispatcher") && (
          <Button
            size="small"
            kind="primary"
            busy={busy.value}
            data-testid="cover-send"
            onClick={() => void send()}
          >
            {t("cover.send")}
          </Button>
        )}
      </span>
      <span class="row-soft">
        {t("cover.gain", { min: Math.round(move.drive_min), people: words.people, pct: percent(move.gain) })}
        {move.leaves > 0 && ` · ${t("cover.leaves", { people: count(move.leaves) })}`}
      </span>
    </>
  );
}

function Left({ found }: { found: Cover }) {
  return (
    <section>
      <h2 class="group-title">{t("cover.left")}</h2>
      {found.left.length === 0 && <p class="row-soft">{t("cover.left.none")}</p>}
      <ul class="reach-worst">
        {found.left.slice(0, LEFT_LEN).map((each) => (
          <li key={each.unit_id} data-testid="cover-left" data-unit={each.unit_id}>
            <button
              type="button"
              onClick={() => {
                const unit = units.peek().get(each.unit_id);
                if (unit) openUnit(unit);
              }}
            >
              <b>{callSign(each.unit_id)}</b>
              <span>{leftWords(each, found.horizon_min)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function leftWords(left: Cover["left"][number], horizonMin: number): string {
  const { people, places, worst, worst_next_min: next } = left;
  if (places === 0) return t("cover.nothing");
  const min = Math.round(next ?? horizonMin);
  return [
    t("cover.people", { people: count(people), places }),
    worst ? t(next === null ? "cover.never" : "cover.next", { place: worst, min }) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

function Posts({ found }: { found: Cover }) {
  const points = found.posts.filter(({ kind }) => kind === "standby");
  const mayChange = may("supervisor", "admin");
  return (
    <section>
      <h2 class="group-title">
        {t("cover.posts")} <span>{points.length}</span>
      </h2>
      {points.length === 0 && <p class="row-soft">{t("cover.posts.none")}</p>}
      <ul class="cover-list">
        {points.map((post) => (
          <li key={post.id} class="cover-line" data-testid="cover-post" data-name={post.name}>
            <button type="button" class="place-link" onClick={() => camera.goTo(post.lon, post.lat)}>
              <b>{post.name}</b>
            </button>
            {mayChange && <Retire post={post} />}
          </li>
        ))}
      </ul>
      {mayChange && <Add />}
    </section>
  );
}

/** One step of a supervisor; what is seen afterwards is asked anew. */
async function change(path: string, body: object | undefined, words: string): Promise<void> {
  try {
    await call("POST", path, body);
    toast(words);
    askAgain();
  } catch (error) {
    toastError(error, t);
  }
}

function Retire({ post: { id, name } }: { post: Post }) {
  const retire = () =>
    change(`/api/standby-points/${id}/retire`, undefined, t("cover.retired", { post: name }));
  return (
    <Button
      size="small"
      data-testid="cover-retire"
      aria-label={t("cover.retire.label", { post: name })}
      onClick={() => void retire()}
    >
      {t("cover.retire")}
    </Button>
  );
}

function Add() {
  const name = useSignal("");
  const spot = picked.value;
  if (!spot) return <p class="row-soft">{t("cover.pick")}</p>;
  const post = name.value.trim() || spot.name;
  const add = async (event: Event) => {
    event.preventDefault();
    await change(
      "/api/standby-points",
      { name: post, lon: spot.lon, lat: spot.lat },
      t("cover.added", { post }),
    );
    name.value = "";
  };
  return (
    <form class="cover-line" onSubmit={(event) => void add(event)}>
      <label class="field">
        <span>{t("cover.name")}</span>
        <input
          class="input"
          data-testid="cover-name"
          maxLength={NAME_MAX}
          required={!spot.name}
          placeholder={spot.name}
          value={name.value}
          onInput={({ currentTarget }) => {
            name.value = currentTarget.value;
          }}
        />
      </label>
      <Button type="submit" size="small" data-testid="cover-add">
        {t("cover.add")}
      </Button>
    </form>
  );
}
