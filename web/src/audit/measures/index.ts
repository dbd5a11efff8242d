// Most who open the log do not look at measures: their code comes when they do.
import { lazy } from "../../shared/lazy";

export const Measures = lazy(() => import("./Page").then((part) => part.Page));
