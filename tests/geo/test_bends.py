"""Speeds of a single bend: what never may happen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geo.driving.bends import (
    KMH_PER_MPS,
    LOW_RADIUS_M,
    SIGHT_OFFSET_M,
    WIDE_SIGHT_M_MAX,
    curve_speed_kmh,
    grip_speed_kmh,
    sight_m,
    sight_speed_kmh,
)
from geo.driving.caps import descent_factor
from geo.driving.desired import SURFACE_KMH
from geo.driving.vehicles import MODES, Mode
from geo.roadmap import Surface

FROM_BEST_TO_WORST = (
    Surface.PAVED,
    Surface.COMPACTED,
    Surface.PAVING_STONES,
    Surface.GRAVEL,
    Surface.COBBLESTONE,
    Surface.EARTH,
    Surface.MUD,
)
radii = st.floats(min_value=1.0, max_value=5_000.0)
grades = st.floats(min_value=-20.0, max_value=20.0)
modes = st.sampled_from(list(Mode))
surfaces = st.sampled_from(list(Surface))


def curve(radius_m: float, grade_pct: float, mode: Mode, surface: Surface) -> float:
    """The speed of a bend on a surface, km/h, capped as the model caps it."""
    constants = MODES[mode]
    free = curve_speed_kmh(
        np.array([radius_m]),
        np.array([grade_pct]),
        np.array([constants.lateral_mps2[surface]]),
        constants.curve_factor,
    )
    return min(float(free[0]), SURFACE_KMH[surface])


def seen(radius_m: float, mode: Mode = Mode.ROUTINE) -> float:
    """The speed at which one stops within what is seen round a bend, km/h."""
    constants = MODES[mode]
    speed = sight_speed_kmh(
        sight_m(np.array([radius_m])), constants.reaction_s, np.array([constants.stopping_mps2])
    )
    return float(speed[0])


@given(radii, radii, grades, modes, surfaces)
def test_tighter_curve_is_never_faster(
    one: float, two: float, grade_pct: float, mode: Mode, surface: Surface
) -> None:
    tight, wide = sorted((one, two))

    assert curve(tight, grade_pct, mode, surface) <= curve(wide, grade_pct, mode, surface) + 1e-9
    assert seen(tight, mode) <= seen(wide, mode) + 1e-9
    held = grip_speed_kmh(np.array([tight, wide]), np.array([2.0, 2.0]))
    assert held[0] <= held[1]


@given(radii, grades, modes, surfaces)
@example(1.75, 0.0, Mode.ROUTINE, Surface.UNKNOWN)
def test_curve_speed_does_not_jump(
    radius_m: float, grade_pct: float, mode: Mode, surface: Surface
) -> None:
    here = curve(radius_m, grade_pct, mode, surface)

    assert abs(curve(radius_m * 1.0001, grade_pct, mode, surface) - here) < 0.02
    assert abs(curve(radius_m, grade_pct + 0.001, mode, surface) - here) < 0.02
    assert abs(seen(radius_m * 1.0001, mode) - seen(radius_m, mode)) < 0.03


@given(radii, st.floats(0.0, 20.0), st.floats(0.0, 20.0), modes, surfaces)
def test_steeper_climb_is_never_faster(
    radius_m: float, one: float, two: float, mode: Mode, surface: Surface
) -> None:
    gentle, steep = sorted((one, two))

    assert curve(radius_m, steep, mode, surface) <= curve(radius_m, gentle, mode, surface) + 1e-9


@given(st.floats(-30.0, 0.0), st.floats(-30.0, 0.0))
def test_steeper_descent_keeps_less_speed(one: float, two: float) -> None:
    steep, gentle = sorted((one, two))
    factors = descent_factor(np.array([steep, gentle, 5.0]))

    assert 0.0 < factors[0] <= factors[1] <= factors[2] == 1.0


@given(radii, grades, modes)
def test_worse_surface_is_never_faster(radius_m: float, grade_pct: float, mode: Mode) -> None:
    speeds = [curve(radius_m, grade_pct, mode, surface) for surface in FROM_BEST_TO_WORST]

    assert speeds == sorted(speeds, reverse=True)


@given(radii, grades, surfaces)
def test_urgent_bend_is_never_slower(radius_m: float, grade_pct: float, surface: Surface) -> None:
    routine = curve(radius_m, grade_pct, Mode.ROUTINE, surface)

    assert curve(radius_m, grade_pct, Mode.URGENT, surface) >= routine
    assert seen(radius_m, Mode.URGENT) >= seen(radius_m)


@pytest.mark.parametrize(
    ("radius_m", "grade_pct", "v85_kmh"),
    [
        (400.0, -6.5, 102.10 - 3077.13 / 400.0),
        (300.0, -2.0, 105.98 - 3709.90 / 300.0),
        (300.0, 0.0, 104.82 - 3574.51 / 300.0),
        (250.0, 2.0, 104.82 - 3574.51 / 250.0),
        (400.0, 12.0, 96.61 - 2752.19 / 400.0),
    ],
)
def test_wide_bends_follow_the_published_v85(
    radius_m: float, grade_pct: float, v85_kmh: float
) -> None:
    """FHWA-RD-99-171, in the middle of its bands of grade."""
    assert curve(radius_m, grade_pct, Mode.URGENT, Surface.PAVED) == pytest.approx(v85_kmh)


def test_tight_bends_follow_lateral_acceleration() -> None:
    assert curve(15.0, 0.0, Mode.ROUTINE, Surface.PAVED) == pytest.approx(
        KMH_PER_MPS * (2.2 * 15.0) ** 0.5
    )
    assert curve(LOW_RADIUS_M, 0.0, Mode.URGENT, Surface.PAVED) == pytest.approx(
        KMH_PER_MPS * (3.0 * LOW_RADIUS_M) ** 0.5
    )


def test_sight_is_the_chord_past_the_bank() -> None:
    """The line of sight touches the bank: it is SIGHT_OFFSET_M off in its middle."""
    radius_m = 100.0
    (arc_m,) = sight_m(np.array([radius_m]))
    sagitta_m = radius_m * (1.0 - np.cos(arc_m / radius_m / 2.0))

    assert sagitta_m == pytest.approx(SIGHT_OFFSET_M)
    assert sight_m(np.array([np.inf])) == WIDE_SIGHT_M_MAX
    assert sight_m(np.array([1.0])) == pytest.approx(np.pi), "half the circle"


def test_stopping_takes_what_is_seen() -> None:
    """Reaction at v and then braking: v t + v^2 / 2b is the sight again."""
    (kmh,) = sight_speed_kmh(np.array([50.0]), 1.5, np.array([3.0]))
    mps = kmh / KMH_PER_MPS

    assert mps * 1.5 + mps**2 / 6.0 == pytest.approx(50.0)
