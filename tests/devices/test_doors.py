"""Which way to the server, rule by rule."""

from __future__ import annotations

from devices.doors import REFUSALS_MAX, RETRY_S, Door, Doors


def shut(now: float = 0.0) -> Doors:
    doors = Doors()
    for _ in range(REFUSALS_MAX):
        doors.refused(now)
    return doors


def test_first_choice_is_the_websocket_and_a_few_refusals_do_not_change_it() -> None:
    doors = Doors()

    for _ in range(REFUSALS_MAX - 1):
        assert doors.choose(0.0) is Door.WEBSOCKET
        doors.refused(0.0)

    assert doors.choose(0.0) is Door.WEBSOCKET


def test_refusals_in_a_row_lead_to_http_until_it_is_time_to_try_again() -> None:
    doors = shut(now=10.0)

    assert doors.choose(10.0) is Door.HTTP
    assert doors.leave_at(Door.HTTP) == 10.0 + RETRY_S
    assert doors.leave_at(Door.WEBSOCKET) is None
    assert doors.choose(10.0 + RETRY_S) is Door.WEBSOCKET


def test_one_more_refusal_leads_back_to_http() -> None:
    doors = shut()

    doors.refused(RETRY_S)

    assert doors.choose(RETRY_S) is Door.HTTP


def test_handshake_that_passes_and_another_network_forget_the_refusals() -> None:
    for forget in (Doors.opened, Doors.network_changed):
        doors = shut()

        forget(doors)

        assert doors.choose(0.0) is Door.WEBSOCKET
