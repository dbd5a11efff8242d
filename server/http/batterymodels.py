"""What was learned of the batteries of each model over HTTP: look, learn, go back."""

from __future__ import annotations

from math import exp, sqrt

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from devices.battery.model import LOADS
from server.batterymodels import Overview
from server.batteryviews import BatteryModelsView, BatteryVersionView, ModelBatteryView
from server.http.errors import json, read_body
from server.http.learning import ActivateBody, LearnBody
from server.http.needs import Services, guarded
from server.stores.batteryversions import ModelPool, VersionRow
from server.stores.users import User

LOOK = ("dispatcher", "supervisor", "admin")
CHANGE = ("supervisor", "admin")


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    models = services.battery_models

    async def versions(request: Request, user: User) -> Response:
        return json(_models(await models.overview()))

    async def learn(request: Request, user: User) -> Response:
        body = await read_body(request, LearnBody)
        row = await models.learn(by=user.actor, reason=body.reason.strip())
        return json(_version(row), 201)

    async def activate(request: Request, user: User) -> Response:
        body = await read_body(request, ActivateBody)
        await models.activate(body.version, by=user.actor, reason=body.reason.strip())
        return json(_models(await models.overview()))

    return [
        Route("/api/batteries/models", guarded(versions, *LOOK)),
        Route("/api/batteries/models/learn", guarded(learn, *CHANGE), methods=["POST"]),
        Route("/api/batteries/models/activate", guarded(activate, *CHANGE), methods=["POST"]),
    ]


def _models(found: Overview) -> BatteryModelsView:
    active = found.active
    return BatteryModelsView(
        active=active.version if active else None,
        activated_at=active.activated_at if active else None,
        activated_by=active.activated_by if active else None,
        reason=active.reason if active else None,
        versions=[_version(row) for row in found.versions],
    )


def _version(row: VersionRow) -> BatteryVersionView:
    return BatteryVersionView(
        version=row.version,
        created_at=row.created_at,
        created_by=row.created_by,
        reason=row.reason,
        devices=row.devices,
        models=[_model(name, each) for name, each in sorted(row.models.items())],
    )


def _model(name: str, pool: ModelPool) -> ModelBatteryView:
    prior = pool.prior
    return ModelBatteryView(
        model=name,
        devices=pool.devices,
        step_pct=prior.step_pct,
        rates_pct_per_h={
            load: round(exp(log), 2) for load, log in zip(LOADS, prior.log_rate, strict=True)
        },
        spread_log_sd={load: round(sqrt(prior.cov[n][n]), 3) for n, load in enumerate(LOADS)},
    )
