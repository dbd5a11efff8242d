// Whose handset this browser is: an officer signs in, the server gives a device and its token, and from
// then on the page opens without signal.
import * as api from "../shared/api";
import type { HandsetGrant, User } from "../shared/types";
import { DeviceLink, linkState } from "./link";
import { PhotoSender } from "./photosender";
import { learnFrom, session } from "./session";
import type { Store, Unsent } from "./store";
import { t } from "./words";

/** A dead zone must not hold up the page: after this long the grant we have is good enough. */
const ASK_MS = 3_000;
const HAND_OVER_MS = 10_000;

/** Raises an error in the reader's words where this browser cannot be a handset. */
export async function enrol(store: Store): Promise<HandsetGrant> {
  const kept = await store.grant();
  const user = await whoIsIt(kept);
  if (!user) return kept as HandsetGrant;
  if (!user.officer_badge) throw new Error(t("handset.other_role", { name: user.display_name }));
  if (kept?.badge === user.officer_badge && kept.unit_id === user.unit_id) return kept;
  if (kept && kept.badge !== user.officer_badge) await handOver(store, kept);
  return enrolAgain(store);
}

/** Nobody where the server does not say and a grant is here; without one its error goes to the person. */
async function whoIsIt(kept: HandsetGrant | undefined): Promise<User | undefined> {
  try {
    const user = await (kept ? api.me(true, ASK_MS) : api.me());
    session.value = "valid";
    return user;
  } catch (error) {
    learnFrom(error);
    if (kept) return undefined;
    const offline = error instanceof api.ApiError && error.status === 0;
    throw offline ? new Error(t("handset.offline_first")) : error;
  }
}

/** A token for the officer who is signed in; the former one ends. */
export async function enrolAgain(store: Store): Promise<HandsetGrant> {
  const { installId } = await store.link();
  const grant = await api.becomeHandset(installId);
  await store.setGrant(grant);
  return grant;
}

/** Steps and photos of the officer before go out under that officer's name. Raises when they cannot. */
async function handOver(store: Store, kept: HandsetGrant): Promise<void> {
  const all = ({ steps, photos }: Unsent) => steps + photos;
  if (all(await store.unsent()) === 0) return;
  let link: DeviceLink | undefined;
  let sender: PhotoSender | undefined;
  let timer = 0;
  const sent = new Promise<void>((resolve, reject) => {
    const stuck = () => reject(new Error(t("handset.others_unsent", { badge: kept.badge })));
    const patience = () => {
      clearTimeout(timer);
      timer = window.setTimeout(stuck, HAND_OVER_MS);
    };
    const look = async () => {
      if (all(await store.unsent()) === 0) resolve();
      else sender?.wake();
    };
    patience();
    sender = new PhotoSender(store.album, kept, {
      isFree: async () => linkState.peek() === "live" && (await store.unsent()).steps === 0,
      onChange: () => {
        patience(); // it goes on
        void look();
      },
    });
    link = new DeviceLink(store, kept, {
      onCommand: () => undefined,
      onSent: () => void look(),
      onRefused: resolve, // the token has ended: nobody takes these steps any more
    });
    link.start();
  });
  await sent.finally(() => {
    clearTimeout(timer);
    sender?.stop();
    link?.stop();
  });
}
