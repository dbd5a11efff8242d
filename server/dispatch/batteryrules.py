"""When something is said of the batteries of a job: thresholds that a county may set.

Numbers alone, for whoever reads settings; what is reckoned with them is in
`server.dispatch.endurance` and `server.dispatch.mitigation`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

ATTACH_BELOW: Final = 0.8
"""A job whose camera lasts with less than this gets a mitigation. Starting value."""
SECOND_BELOW: Final = 0.5
"""And below this, where the recording is evidence, a second camera. Starting value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When to say something; all of them settings."""

    alert_below: float = 0.6
    """Probability of lasting the job: below it a person must know."""
    clear_above: float = 0.75
    """And from here on not any more."""
    attach_below: float = ATTACH_BELOW
    """Below it mitigations are proposed with an order."""
    second_below: float = SECOND_BELOW
    """Below it a second camera is proposed where the recording is evidence."""
    camera_dark_s: float = 180.0
    """s. A camera unheard for so long, while the unit's other device is heard, is dark."""
    silent_s: float = 300.0
    """s. A unit none of whose devices was heard for so long is silent."""
    answer_s: float = 300.0
    """s. For somebody, or the device, to answer a mitigation."""

    def __post_init__(self) -> None:
        shares = [getattr(self, name) for name in SHARES]
        if not all(0.0 <= share <= 1.0 for share in shares):
            raise ValueError("probabilities must be 0 to 1")
        if self.alert_below > self.clear_above:
            raise ValueError("alert_below must not be above clear_above")
        if min(self.camera_dark_s, self.silent_s, self.answer_s) <= 0.0:
            raise ValueError("seconds must be above 0")


SHARES: Final = ("alert_below", "clear_above", "attach_below", "second_below")
RULE_NAMES: Final = tuple(each.name for each in fields(Rules))
