// The map and the past come when somebody looks at them.
import { lazy } from "../../shared/lazy";

export const Replay = lazy(() => import("./Replay").then((part) => part.Replay));
