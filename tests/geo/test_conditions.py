"""Road conditions in writing: read, written back, and every way to write them wrongly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.driving.conditions import FOG_M_MAX, FOG_M_MIN, ICE_M_MAX, ICE_M_MIN, Condition, Weather
from geo.errors import ConditionError, GeoError

conditions = st.builds(
    Condition,
    weather=st.sampled_from(list(Weather)),
    ice_above_m=st.none() | st.floats(ICE_M_MIN, ICE_M_MAX).map(lambda metres: round(metres, 3)),
    fog_visibility_m=st.none()
    | st.floats(FOG_M_MIN, FOG_M_MAX).map(lambda metres: round(metres, 3)),
    night=st.booleans(),
)


@given(conditions)
def test_what_is_written_is_read_back(condition: Condition) -> None:
    assert Condition.parse(str(condition)) == condition
    assert str(Condition.parse(str(condition))) == str(condition)


@pytest.mark.parametrize(
    ("text", "condition", "canonical"),
    [
        ("", Condition(), "dry"),
        ("dry", Condition(), "dry"),
        (
            " ICE>1800 , fog = 60m, Night,rain ",
            Condition(weather=Weather.RAIN, night=True, fog_visibility_m=60.0, ice_above_m=1800.0),
            "rain,night,fog=60,ice>1800",
        ),
        ("dry,night", Condition(night=True), "night"),
        ("heavy_rain", Condition(weather=Weather.HEAVY_RAIN), "heavy_rain"),
        ("snow,ice>-2.5", Condition(weather=Weather.SNOW, ice_above_m=-2.5), "snow,ice>-2.5"),
    ],
)
def test_conditions_as_people_write_them(text: str, condition: Condition, canonical: str) -> None:
    assert Condition.parse(text) == condition
    assert str(condition) == canonical


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hail", "Write one of dry, rain"),
        ("ice", "ice>METRES"),
        ("fog=thick", "fog=METRES"),
        ("ice>nan", "no condition"),
        ("rain,snow", "says weather twice"),
        ("night,night", "says night twice"),
        ("fog=0", "5 to 10000 metres, not 0"),
        ("ice>20000", "-500 to 9000 metres"),
        ("rain," * 40, "at most 100"),
    ],
)
def test_what_cannot_be_says_why(text: str, says: str) -> None:
    with pytest.raises(ConditionError, match=says) as error:
        Condition.parse(text)

    assert isinstance(error.value, GeoError)


def test_impossible_numbers_are_refused_in_code_too() -> None:
    for wrong in (float("nan"), float("inf"), -1.0):
        with pytest.raises(ConditionError):
            Condition(fog_visibility_m=wrong)


def test_weathers_are_in_order_of_badness() -> None:
    assert list(Weather) == [Weather.DRY, Weather.RAIN, Weather.HEAVY_RAIN, Weather.SNOW]
