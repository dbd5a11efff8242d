// What the right side shows of a selection; one chunk, fetched after the first paint.
export { IncidentDetail } from "./IncidentDetail";
export { UnitDetail } from "./UnitDetail";
