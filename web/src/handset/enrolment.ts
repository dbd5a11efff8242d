// Whose handset this browser is: an officer signs in, the server gives a device and its token, and from
// then on the page opens without signal.
import * as api from "../shared/api";
import type { HandsetGrant, User } from "../shared/types";
import { DeviceLink } from "./link";
import type { Store } from "./store";
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
    return await (kept ? api.me(true, ASK_MS) : api.me());
  } catch (error) {
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

/** Steps of the officer before go out under that officer's name. Raises when they cannot. */
async function handOver(store: Store, kept: HandsetGrant): Promise<void> {
  if ((await store.unsent()).steps === 0) return;
  let link: DeviceLink | undefined;
  let timer = 0;
  const sent = new Promise<void>((resolve, reject) => {
    const stuck = () => reject(new Error(t("handset.others_unsent", { badge: kept.badge })));
    timer = window.setTimeout(stuck, HAND_OVER_MS);
    link = new DeviceLink(store, kept, {
      onCommand: () => undefined,
      onSent: () => void store.unsent().then(({ steps }) => steps === 0 && resolve()),
      onRefused: resolve, // the token has ended: nobody takes these steps any more
    });
    link.start();
  });
  await sent.finally(() => {
    clearTimeout(timer);
    link?.stop();
  });
}
