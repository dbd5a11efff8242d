import { lazy } from "../lazy";
import type { Face, User } from "../types";

const Links = lazy(() => import("../faces/Faces").then(({ Faces }) => Faces));

/** Links to the other pages of somebody who has more than this one. */
export function Faces({ user, here }: { user: User | null; here: Face }) {
  const others = user?.faces?.filter((face) => face !== here) ?? [];
  return others.length ? <Links others={others} /> : null;
}
