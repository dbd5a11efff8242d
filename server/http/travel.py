"""How far it is from here to there, over HTTP: for whoever measures on the map."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.driving.vehicles import Mode, Vehicle
from geo.errors import GeoError
from geo.eta import ROUGH_SD, Eta
from server.dispatch.travel import Lead, Traveller
from server.http.errors import ApiError, json
from server.http.needs import Services, choice, guarded, real
from server.mapviews import TravelView
from server.stores.users import User

DIGITS = 6
"""Of a degree: a tenth of a metre."""


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    routing, roads = services.routing, services.road_desk

    async def travel(request: Request, user: User) -> Response:
        vehicle = choice(request, "vehicle", Vehicle) or Vehicle.PATROL_CAR
        mode = choice(request, "mode", Mode) or Mode.ROUTINE
        lon, lat, to_lon, to_lat = (
            real(request, name) for name in ("lon", "lat", "to_lon", "to_lat")
        )
        await roads.catch_up()
        try:
            snap = await routing.snap(lon, lat)
            lead = await routing.lead(Traveller(snap=snap, vehicle=vehicle), to_lon, to_lat, mode)
        except GeoError as error:
            raise ApiError(422, "no_road", f"{str(error).capitalize()}.") from None
        road_sd = await routing.spread(lead.route, None if vehicle is Vehicle.FOOT else mode)
        walk = lead.drop_off.walk
        return json(
            TravelView(
                vehicle=vehicle.value,
                mode=mode.value,
                condition=str(routing.roads.county),
                duration_s=lead.duration_s,
                p90_s=_whole(lead, road_sd).p90_s,
                road_m=lead.route.distance_m,
                start_m=snap.distance_m,
                walk_m=walk.distance_m,
                walk_s=walk.duration_s,
                coordinates=lead.route.lonlat.round(DIGITS).tolist(),
            )
        )

    return [Route("/api/travel", guarded(travel, "dispatcher", "supervisor"))]


def _whole(lead: Lead, road_sd: float) -> Eta:
    """The road as it spreads, and the walk as walks do (`geo.eta`)."""
    total_s, walk_s = lead.duration_s, lead.drop_off.walk.duration_s
    if total_s <= 0.0:
        return Eta(median_s=0.0, log_sd=road_sd)
    log_sd = (lead.route.duration_s * road_sd + walk_s * ROUGH_SD) / total_s
    return Eta(median_s=total_s, log_sd=log_sd)
