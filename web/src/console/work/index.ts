export { OrderWatch } from "./OrderWatch";
export { Worklist } from "./Worklist";
