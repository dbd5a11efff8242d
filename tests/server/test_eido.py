"""An incident for other systems: every reference leads somewhere, and nothing is made up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.dispatch.runcardfile import shipped
from server.eido import AGENCY, AGENCY_DEFAULT, COMMON_TYPES, OTHER
from server.envvalues import SettingsError
from server.settings import from_env
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import BY
from tests.server.review_story import Story


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


@pytest.fixture
async def client(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("supervisor") as client:
        yield client


@pytest.fixture
def story(api: Api, client: httpx.AsyncClient) -> Story:
    return Story(api, client)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def ids(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$id" in part:
            yield part["$id"]
        for each in part.values():
            yield from ids(each)
    elif isinstance(part, list):
        for each in part:
            yield from ids(each)


async def exported(client: httpx.AsyncClient, incident_id: str) -> dict[str, Any]:
    answer = await client.get(f"/api/incidents/{incident_id}/eido")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    found: dict[str, Any] = answer.json()
    return found


async def test_closed_incident_is_handed_out_whole(story: Story, client: httpx.AsyncClient) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    assert order.eta_s is not None
    await story.goes_well(order, arrives_s=order.eta_s)

    found = await exported(client, incident.id)

    every = list(ids(found))
    assert len(every) == len(set(every))
    assert set(references(found)) <= set(every)
    part = found["incidentComponent"]
    assert part["internalIncidentId"] == str(incident.number)
    assert part["incidentTypeInternalCode"] == incident.type
    assert part["incidentTypeCommonRegistryText"] == COMMON_TYPES[incident.type]
    assert part["incidentStatusCommonRegistryText"] == ["Closed"]
    [outcome] = part["dispositionComponent"]
    assert outcome["dispositionDescriptionText"] == "done"
    [resource] = found["emergencyResourceComponent"]
    assert resource["emergencyResourceName"] == "P-02"
    assert resource["primaryUnitStatusRegistryText"] == "Available"
    assert "eta" not in resource
    [dispatch] = found["dispatchComponent"]
    assert dispatch["emergencyResourceReference"] == [{"$ref": resource["$id"]}]
    assert dispatch["agentReference"]["$ref"].split(":")[4:6] == BY.split(":")
    assert found["issuingElementIdentification"] == AGENCY_DEFAULT
    kinds = [each["notesActionComments"].split(" ")[0] for each in found["notesComponent"]]
    assert "order.accepted" in kinds
    (entry,) = await story.room.fetch("SELECT * FROM journal_entry WHERE kind = 'review.exported'")
    assert (entry["actor"], entry["body"]) == ("user:supervisor", {"number": incident.number})


def test_each_shipped_type_is_one_of_the_common_incident_types() -> None:
    """A new run card needs a row: receivers sort by it."""
    assert set(COMMON_TYPES) == set(shipped().by_code)
    assert OTHER not in COMMON_TYPES.values()


async def test_place_is_a_pidf_lo_point_latitude_first(
    story: Story, client: httpx.AsyncClient
) -> None:
    incident = await story.room.open()
    found = await exported(client, incident.id)
    [place] = found["locationComponent"]
    point = ET.fromstring(place["locationByValue"]).find(".//{http://www.opengis.net/gml}pos")
    assert point is not None
    assert point.text is not None
    lat, lon = map(float, point.text.split())
    assert (lat, lon) == pytest.approx((incident.lat, incident.lon), abs=1e-6)
    assert place["locationDescriptionText"] == incident.place


async def test_unit_on_its_way_is_expected_at_a_time(
    story: Story, client: httpx.AsyncClient
) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    await story.room.send(incident, unit)
    found = await exported(client, incident.id)
    [resource] = found["emergencyResourceComponent"]
    assert resource["primaryUnitStatusRegistryText"] == "Assigned"
    assert resource["eta"] > found["lastUpdateTimeStamp"]
    assert found["incidentComponent"]["incidentStatusCommonRegistryText"] == ["Active"]
    assert "dispositionComponent" not in found["incidentComponent"]


async def test_what_somebody_wrote_is_no_html(story: Story, client: httpx.AsyncClient) -> None:
    incident = await story.room.open(note="<script>alert(1)</script> & more")
    found = await exported(client, incident.id)
    assert found["notesComponent"][0]["notesActionComments"] == (
        "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"
    )


async def test_only_a_supervisor_hands_out_incidents(api: Api, client: httpx.AsyncClient) -> None:
    incident = await api.room.open()
    async with api.signed_in("dispatcher") as other:
        assert (await other.get(f"/api/incidents/{incident.id}/eido")).status_code == 403
    assert (await client.get("/api/incidents/nonsense/eido")).status_code == 404


@pytest.mark.parametrize("name", ["police.county.example", "xn--fiq228c.cn", "a.io"])
def test_county_is_named_by_its_domain(name: str, tmp_path: Any) -> None:
    settings = from_env(data_dir=tmp_path, map_dir=tmp_path, env={"RIDGELINE_AGENCY": name})
    assert settings.agency == name


@pytest.mark.parametrize("name", ["county", "Police.example", "a b.example", "-a.example", "a..b"])
def test_what_is_no_domain_is_refused(name: str, tmp_path: Any) -> None:
    assert not AGENCY.fullmatch(name)
    with pytest.raises(SettingsError, match="must be a domain"):
        from_env(data_dir=tmp_path, map_dir=tmp_path, env={"RIDGELINE_AGENCY": name})
