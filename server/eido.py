"""An incident as other systems take it: NENA's Emergency Incident Data Object (EIDO), JSON.

Components and names as NENA-STA-021.1b; the place as a PIDF-LO document (RFC 4119, RFC 5491).
What Ridgeline says itself stands in the fields for internal texts. The type of an incident is the
nearest of APCO's common incident types, which EIDO takes (ANS 2.103; NENA's sample has `MVAINJY`);
the other fields that take only words of NENA's registries have the few that fit an incident of the
police and its units. Whoever receives it maps the internal texts where that is too coarse
(docs/review.md). Knows no store.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from xml.etree import ElementTree as ET

from server.reviewviews import MomentView, OrderReviewView, ReviewedIncidentView, ReviewView

VERSION: Final = "1.0"
AGENCY_DEFAULT: Final = "ridgeline.invalid"
AGENCY: Final = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
"""How a county is named to other systems: a domain that is its own."""

_CONTEXT: Final = "./JSON-LD_Contexts/EmergencyIncidentDataObjectType.jsonld"
_PRIORITY: Final = {"emergency": 1, "priority": 2, "routine": 3}
OTHER: Final = "Other"
COMMON_TYPES: Final = {
    "officer_needs_help": "MAYDAY",
    "traffic_collision": "MVAUNK",
    "road_blocked": "THAZ",
    "assault": "ASSAULT",
    "armed_threat": "WEAPON",
    "robbery": "ROBBERY",
    "domestic_violence": "DVA",
    "theft": "LARCENY",
    "missing_person": "PERMISS",
    "mountain_rescue": "SAR",
    "wildfire": "FUNK",
    "public_disorder": "DISORD",
    "neighbour_dispute": "CIVIL",
    "suspicious_activity": "SUSP",
    "request_for_help": "CITASST",
    "suicide_threat": "SUICTHRT",
    "mental_crisis": "EDP",
    "flood": "WATER",
    "crowd": "CRWD",
    "fraud": "FRAUD",
    "patrol_task": "ADMIN",
    "standby": "STDBY",
}
"""The shipped types as APCO ANS 2.103 has them; a county's own are `OTHER`."""
_PIDF: Final = "urn:ietf:params:xml:ns:pidf"
_GEOPRIV: Final = "urn:ietf:params:xml:ns:pidf:geopriv10"
_GML: Final = "http://www.opengis.net/gml"
_WGS84: Final = "urn:ogc:def:crs:EPSG::4326"

Json = dict[str, Any]


def eido(review: ReviewView, *, agency: str) -> Json:
    """The whole of an incident as it is known; `agency` is the county's domain."""
    return _Eido(review, agency).whole()


class _Eido:
    """One object: each component has an id of its own, and others refer to it."""

    def __init__(self, review: ReviewView, agency: str) -> None:
        self._review, self._incident, self._agency = review, review.incident, agency
        self._who = sorted({each.who for each in review.moments if each.who} | set(self._actors()))

    def whole(self) -> Json:
        at = self._review.as_of
        return {
            **self._head("eido", self._incident.id, at),
            "eidoVersion": VERSION,
            "issuingElementIdentification": self._agency,
            "incidentComponent": self._incident_part(at),
            "locationComponent": [self._place(at)],
            "agencyComponent": [self._agency_part(at)],
            "agentComponent": [self._agent(who, at) for who in self._who],
            "emergencyResourceComponent": [self._unit(each, at) for each in self._review.orders],
            "dispatchComponent": [self._dispatch(each) for each in self._review.orders],
            "notesComponent": list(self._notes()),
            "@context": {"@vocab": _CONTEXT},
        }

    def _incident_part(self, at: datetime) -> Json:
        incident = self._incident
        closed = incident.status == "closed"
        return {
            **self._head("incident", incident.id, at),
            "internalIncidentId": str(incident.number),
            "incidentTypeInternalCode": incident.type,
            "incidentTypeInternalText": incident.type_names.get("en", incident.type),
            "incidentTypeCommonRegistryText": COMMON_TYPES.get(incident.type, OTHER),
            "incidentStatusInternalText": [incident.status],
            "incidentStatusCommonRegistryText": ["Closed" if closed else "Active"],
            "incidentCommonPriorityNumber": _PRIORITY[incident.priority],
            "incidentPriorityInternalText": incident.priority,
            "locationReference": [self._to("location", incident.id)],
            "agentReference": [self._to("agent", who) for who in self._who],
            "notesReference": [{"$ref": each["$id"]} for each in self._notes()],
            **({"dispositionComponent": [self._outcome(incident)]} if closed else {}),
        }

    def _outcome(self, incident: ReviewedIncidentView) -> Json:
        assert incident.closed_at is not None
        return {
            **self._head("disposition", incident.id, incident.closed_at),
            "dispositionCommonRegistryCode": OTHER,
            "dispositionPrimaryIndicator": True,
            "dispositionDescriptionText": incident.outcome,
        }

    def _place(self, at: datetime) -> Json:
        incident = self._incident
        return {
            **self._head("location", incident.id, at),
            "locationTypeDescriptionRegistryText": "CurrentIncident",
            "locationDescriptionText": incident.place,
            "locationByValue": pidf_lo(incident, agency=self._agency),
        }

    def _agency_part(self, at: datetime) -> Json:
        return {
            **self._head("agency", self._agency, at),
            "agencyRoleDescriptionRegistryText": ["Dispatch"],
            "agencyType": ["urn:emergency:service:responder.police"],
            "incidentOwningAgencyIndicator": True,
        }

    def _agent(self, who: str, at: datetime) -> Json:
        """By what the log calls them: no name that is not needed leaves the county."""
        kind, _, name = who.partition(":")
        role = "Dispatching" if kind == "user" else "Responder"
        return {
            **self._head("agent", who, at),
            "agentRoleRegistryText": [role],
            "agencyReference": self._to("agency", self._agency),
            "agentJcard": [
                "vcard",
                [["version", {}, "text", "4.0"], ["fn", {}, "text", name or who]],
            ],
        }

    def _unit(self, order: OrderReviewView, at: datetime) -> Json:
        part = {
            **self._head("resource", order.id, at),
            "emergencyResourceName": order.call_sign,
            "emergencyResourceTypeCommonRegistryText": OTHER,
            "primaryUnitStatusRegistryText": _status(order),
            "secondaryUnitStatusRegistryText": [],
            "resourceAttributeRegistryText": [],
            "unitStatusInternal": [order.state],
            "destinationReference": self._to("location", self._incident.id),
        }
        if order.ended_at is None and order.eta.median_s is not None and order.eta.actual_s is None:
            part["eta"] = _time(order.issued_at + timedelta(seconds=order.eta.median_s))
        return part

    def _dispatch(self, order: OrderReviewView) -> Json:
        choice = next(
            (each for each in self._review.choices if each.decision_id == order.decision_id), None
        )
        part = {
            **self._head("dispatch", order.id, order.issued_at),
            "agencyReference": self._to("agency", self._agency),
            "emergencyResourceReference": [self._to("resource", order.id)],
        }
        if choice is not None:
            part["agentReference"] = self._to("agent", choice.decided_by)
        return part

    def _notes(self) -> Iterator[Json]:
        """What was said when the incident was opened, then the timeline, a line each."""
        incident = self._incident
        if incident.note:
            yield self._note("opened", incident.opened_at, incident.opened_by, incident.note)
        for place, each in enumerate(self._review.moments):
            yield self._note(str(place), each.at, each.who, _line(each))

    def _note(self, name: str, at: datetime, who: str, text: str) -> Json:
        part = self._head("note", f"{self._incident.id}:{name}", at)
        part["notesActionComments"] = html.escape(text)
        if who:
            part["agentReference"] = self._to("agent", who)
        return part

    def _actors(self) -> Iterable[str]:
        yield self._incident.opened_by
        yield from (each.decided_by for each in self._review.choices)

    def _head(self, kind: str, name: str, at: datetime) -> Json:
        return {
            "$id": self._id(kind, name),
            "lastUpdateTimeStamp": _time(at),
            "updatedByAgencyReference": self._to("agency", self._agency),
        }

    def _to(self, kind: str, name: str) -> Json:
        return {"$ref": self._id(kind, name)}

    def _id(self, kind: str, name: str) -> str:
        return f"urn:emergency:uid:{kind}:{name}:{self._agency}"


def pidf_lo(incident: ReviewedIncidentView, *, agency: str) -> str:
    """The place as XML: latitude, then longitude, as EPSG 4326 has them."""
    presence = ET.Element(f"{{{_PIDF}}}presence", {"entity": f"pres:{incident.id}@{agency}"})
    whole = ET.SubElement(presence, f"{{{_PIDF}}}tuple", {"id": f"i{incident.number}"})
    status = ET.SubElement(whole, f"{{{_PIDF}}}status")
    geopriv = ET.SubElement(status, f"{{{_GEOPRIV}}}geopriv")
    info = ET.SubElement(geopriv, f"{{{_GEOPRIV}}}location-info")
    point = ET.SubElement(info, f"{{{_GML}}}Point", {"srsName": _WGS84})
    ET.SubElement(point, f"{{{_GML}}}pos").text = f"{incident.lat:.6f} {incident.lon:.6f}"
    ET.SubElement(geopriv, f"{{{_GEOPRIV}}}usage-rules")
    ET.SubElement(whole, f"{{{_PIDF}}}timestamp").text = _time(incident.opened_at)
    return ET.tostring(presence, encoding="unicode")


def _status(order: OrderReviewView) -> str:
    if order.ended_at is not None:
        return "Available"
    return {"en_route": "Enroute", "on_scene": "OnScene", "feedback": "OnScene"}.get(
        order.state, "Assigned"
    )


def _line(moment: MomentView) -> str:
    parts = (moment.kind, moment.call_sign, moment.text)
    return " · ".join(each for each in parts if each)


def _time(at: datetime) -> str:
    """As NENA-STA-010.3 has it: with its zone, never Z."""
    return at.isoformat(timespec="milliseconds")
