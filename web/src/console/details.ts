// What the right side shows of a selection, the list of units and the form of a new incident; one chunk, fetched after
// the first paint.
export { announceTakeovers } from "./claim/news";
export { QueueFilters } from "./claim/QueueFilters";
export { IncidentDetail } from "./IncidentDetail";
export { NewIncident } from "./NewIncident";
export { UnitDetail } from "./UnitDetail";
export { UnitList } from "./units/UnitList";
