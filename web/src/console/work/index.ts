export { OrderBatteries } from "./OrderBatteries";
export { OrderWatch } from "./OrderWatch";
export { VoiceDialog } from "./VoiceDialog";
export { Worklist } from "./Worklist";
