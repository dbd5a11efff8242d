// What is opened on a handset: reports, what is unsent, settings. One chunk, kept for the time without signal.
export { Report } from "./Report";
export { SettingsPanel } from "./SettingsPanel";
export { UnsentPanel } from "./UnsentPanel";
