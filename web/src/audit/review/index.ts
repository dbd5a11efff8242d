// Reviews come when somebody looks at them.
import { lazy } from "../../shared/lazy";

export const Reviews = lazy(() => import("./Reviews").then((part) => part.Reviews));
