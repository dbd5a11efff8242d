"""OpenStreetMap tags of one road, read as facts for a motor vehicle.

Sources: wiki.openstreetmap.org pages Key:highway, Key:oneway, Key:access, Key:maxspeed,
Key:surface, Key:tracktype, Key:smoothness, Key:width, Key:lit, Key:lane_markings, Key:junction,
Tag:route=ferry. Knows no geometry and no travel time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from geo.roadmap import EdgeFlag, RoadClass, Smoothness, Surface

Tags = Mapping[str, str]

CLASSES = {
    "motorway": RoadClass.MOTORWAY,
    "trunk": RoadClass.TRUNK,
    "primary": RoadClass.PRIMARY,
    "secondary": RoadClass.SECONDARY,
    "tertiary": RoadClass.TERTIARY,
    "unclassified": RoadClass.UNCLASSIFIED,
    "road": RoadClass.UNCLASSIFIED,
    "residential": RoadClass.RESIDENTIAL,
    "living_street": RoadClass.LIVING_STREET,
    "service": RoadClass.SERVICE,
    "track": RoadClass.TRACK,
}
LINK_SUFFIX = "_link"

SURFACES = {
    surface: group
    for group, surfaces in {
        Surface.PAVED: "paved asphalt concrete chipseal concrete:plates concrete:lanes metal",
        Surface.PAVING_STONES: "paving_stones paving_stones:lanes bricks wood sett",
        Surface.COMPACTED: "compacted fine_gravel",
        Surface.GRAVEL: "gravel unpaved pebblestone rock grass_paver stone",
        Surface.COBBLESTONE: "cobblestone unhewn_cobblestone cobblestone:flattened",
        Surface.EARTH: "ground dirt earth grass sand salt woodchips ice snow",
        Surface.MUD: "mud",
    }.items()
    for surface in surfaces.split()
}
TRACK_SURFACES = {
    "grade1": Surface.PAVED,
    "grade2": Surface.COMPACTED,
    "grade3": Surface.GRAVEL,
    "grade4": Surface.EARTH,
    "grade5": Surface.EARTH,
}
"""Only where `surface` is silent."""

SMOOTHNESS = {one.name.lower(): one for one in Smoothness if one is not Smoothness.UNKNOWN}
LIT_NO = frozenset({"no", "disused"})
"""Every other value of `lit` names hours or a kind of lamp."""

ACCESS_KEYS = ("emergency", "motorcar", "motor_vehicle", "vehicle", "access")
"""Most specific first: the first one that says anything we know decides."""
OPEN = frozenset({"yes", "permissive", "designated", "official", "destination", "public"})
SHUT = frozenset({"no", "use_sidepath"})
RESTRICTED = frozenset(
    [
        "private",
        "customers",
        "delivery",
        "permit",
        "residents",
        "agricultural",
        "forestry",
        "agricultural;forestry",
        "forestry;agricultural",
        "military",
        "employees",
        "staff",
        "emergency",
        "key",
        "restricted",
    ]
)

UNLIMITED_KMH = 130
"""What `maxspeed=none` is read as: the advisory speed where there is no limit."""
WALK_KMH = 7
KMH_PER_MPH = 1.609344
KMH_PER_KNOT = 1.852
SPEED_MAX_KMH = 255
ZONE_KMH = {
    "urban": 50,
    "rural": 90,
    "trunk": 100,
    "motorway": 120,
    "living_street": 20,
    "bicycle_road": 30,
}
COUNTRY_KMH = {
    "cn:urban": 50,  # Implementing Regulations of the Road Traffic Safety Law, art. 45
    "cn:rural": 70,  # ibid.: highway, one lane in each direction
    "cn:motorway": 120,  # ibid., art. 78
    "gb:urban": 48,
    "gb:nsl_single": 97,
    "gb:nsl_dual": 113,
    "gb:motorway": 113,
    "us:urban": 40,
    "de:rural": 100,
    "de:motorway": UNLIMITED_KMH,
    "de:walk": WALK_KMH,
    "fr:rural": 80,
    "fr:motorway": 130,
    "it:motorway": 130,
}
"""Implicit limits by country; others fall back to `ZONE_KMH`."""

ONE_WAY_CLASS_MIN = RoadClass.SECONDARY
"""Greater roads that are one-way are halves of a divided road, never to be driven against."""
CONDITIONAL_KEYS = tuple(
    f"{key}:conditional" for key in ("motorcar", "motor_vehicle", "vehicle", "access")
)

_SEASON_RULE = re.compile(
    r"\s*no\s*@\s*\(?.*\b(winter|snow|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3})(?::(\d{2}))?")
_ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_SPEED = re.compile(r"(\d+(?:\.\d+)?)\s*(km/?h|kmh|kph|mph|knots?)?", re.IGNORECASE)
_ZONE = re.compile(r"(?:[a-z]{2}:)?zone:?(\d+)")
_WIDTH = re.compile(r"(\d+(?:\.\d+)?)\s*(m|ft|')?")
LANES_MAX = 255
WIDTH_M_MIN = 1.5
WIDTH_M_MAX = 25.5
"""m. A `width` beyond these is a mistake, or of something else than the carriageway."""
M_PER_FOOT = 0.3048


@dataclass(frozen=True, slots=True)
class RoadFacts:
    """What the tags of one way say; `flags` and speeds are in the direction it is drawn."""

    road_class: RoadClass
    surface: Surface
    flags: EdgeFlag
    maxspeed_forward_kmh: int
    maxspeed_backward_kmh: int
    lanes: int
    smoothness: Smoothness
    width_dm: int
    crossing_s: float
    """What a ferry takes from one end of the way to the other; 0 where untagged or no ferry."""


def read_road(tags: Tags) -> RoadFacts | None:
    """Facts of a way, or None when it is no road for vehicles at all (path, plaza, plan)."""
    ferry = _is_car_ferry(tags)
    highway = tags.get("highway", "")
    road_class = RoadClass.SERVICE if ferry else CLASSES.get(highway.removesuffix(LINK_SUFFIX))
    if road_class is None or (tags.get("area") == "yes" and not ferry):
        return None
    forward_kmh, backward_kmh = maxspeeds_kmh(tags)
    return RoadFacts(
        road_class=road_class,
        surface=read_surface(tags),
        flags=_closures(tags)
        | _structure(tags, highway, ferry)
        | _furniture(tags)
        | _seasonal(tags)
        | _one_way_street(tags, road_class),
        maxspeed_forward_kmh=forward_kmh,
        maxspeed_backward_kmh=backward_kmh,
        lanes=read_lanes(tags),
        smoothness=SMOOTHNESS.get(tags.get("smoothness", "").strip(), Smoothness.UNKNOWN),
        width_dm=read_width_dm(tags),
        crossing_s=read_duration_s(tags.get("duration", "")) if ferry else 0.0,
    )


def _is_car_ferry(tags: Tags) -> bool:
    """A ferry takes cars if it says so, or if it names no mode at all."""
    if tags.get("route") != "ferry":
        return False
    modes = [tags[key] for key in ("motorcar", "motor_vehicle", "vehicle") if key in tags]
    if modes:
        return modes[0] in OPEN
    return "foot" not in tags and "bicycle" not in tags and tags.get("access") not in SHUT


def _structure(tags: Tags, highway: str, ferry: bool) -> EdgeFlag:
    flags = EdgeFlag.NONE
    if tags.get("bridge", "no") != "no":
        flags |= EdgeFlag.BRIDGE
    if tags.get("tunnel", "no") not in ("no", "building_passage", "culvert"):
        flags |= EdgeFlag.TUNNEL
    if tags.get("junction") in ("roundabout", "circular"):
        flags |= EdgeFlag.ROUNDABOUT
    if highway.endswith(LINK_SUFFIX):
        flags |= EdgeFlag.LINK
    return flags | EdgeFlag.FERRY if ferry else flags


def _furniture(tags: Tags) -> EdgeFlag:
    """Lamps and lane markings, where the tags say yes or no."""
    flags = EdgeFlag.NONE
    lit, marked = tags.get("lit", "").strip(), tags.get("lane_markings", "").strip()
    if lit:
        flags |= EdgeFlag.UNLIT if lit in LIT_NO else EdgeFlag.LIT
    if marked in ("yes", "no"):
        flags |= EdgeFlag.MARKED if marked == "yes" else EdgeFlag.UNMARKED
    return flags


def _closures(tags: Tags) -> EdgeFlag:
    flags = _oneway(tags)
    both = EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD
    for key in ACCESS_KEYS:
        value = tags.get(key, "").strip().lower()
        if value in SHUT and key != "emergency":
            flags |= both
        elif value in RESTRICTED:
            flags |= EdgeFlag.PRIVATE
        elif value not in OPEN:
            continue
        break
    if _mode(tags, "forward") in SHUT:
        flags |= EdgeFlag.CLOSED_FORWARD
    if _mode(tags, "backward") in SHUT:
        flags |= EdgeFlag.CLOSED_BACKWARD
    return flags


def _mode(tags: Tags, direction: str) -> str:
    keys = (f"motorcar:{direction}", f"motor_vehicle:{direction}", f"vehicle:{direction}")
    return next((tags[key] for key in keys if key in tags), "")


def _oneway(tags: Tags) -> EdgeFlag:
    value = next(
        (tags[key] for key in ("oneway:motor_vehicle", "oneway:motorcar", "oneway") if key in tags),
        "",
    ).lower()
    if value in ("yes", "true", "1"):
        return EdgeFlag.CLOSED_BACKWARD
    if value in ("-1", "reverse"):
        return EdgeFlag.CLOSED_FORWARD
    if value == "reversible":  # its direction changes with the hour: not to be counted on
        return EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD
    if value in ("no", "false", "0", "alternating"):
        return EdgeFlag.NONE
    implied = tags.get("highway") == "motorway" or (
        tags.get("junction") in ("roundabout", "circular")
    )
    return EdgeFlag.CLOSED_BACKWARD if implied else EdgeFlag.NONE


def _one_way_street(tags: Tags, road_class: RoadClass) -> EdgeFlag:
    """One-way by a sign, where a police car in a hurry could go against it with care."""
    oneway = _oneway(tags) in (EdgeFlag.CLOSED_FORWARD, EdgeFlag.CLOSED_BACKWARD)
    circle = tags.get("junction") in ("roundabout", "circular")
    link = tags.get("highway", "").endswith(LINK_SUFFIX)
    street = oneway and not circle and not link and road_class >= ONE_WAY_CLASS_MIN
    return EdgeFlag.ONE_WAY if street else EdgeFlag.NONE


def _seasonal(tags: Tags) -> EdgeFlag:
    """Tagged as seasonal, or closed under a condition that names a month, winter or snow."""
    named = tags.get("seasonal", "no").strip().lower() not in ("no", "")
    rules = (tags[key].lower() for key in CONDITIONAL_KEYS if key in tags)
    closed = any(_SEASON_RULE.match(part) for rule in rules for part in rule.split(";"))
    return EdgeFlag.SEASONAL if named or closed else EdgeFlag.NONE


def read_duration_s(text: str) -> float:
    """`duration` of a ferry in seconds: hh:mm, hh:mm:ss, minutes, or ISO 8601; 0 where unreadable.

    https://wiki.openstreetmap.org/wiki/Key:duration
    """
    text = text.strip().upper()
    if match := _ISO_DURATION.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return 86_400.0 * days + 3_600.0 * hours + 60.0 * minutes + seconds
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return 3_600.0 * hours + 60.0 * minutes + seconds
    return 0.0


def read_surface(tags: Tags) -> Surface:
    """Group of `surface`, or of `tracktype` where the surface is not tagged."""
    first = tags.get("surface", "").split(";")[0].strip().lower()
    return SURFACES.get(first) or TRACK_SURFACES.get(tags.get("tracktype", ""), Surface.UNKNOWN)


def read_lanes(tags: Tags) -> int:
    """Number of lanes, 0 where untagged or unreadable."""
    match = re.match(r"\d+", tags.get("lanes", "").strip())
    return min(int(match[0]), LANES_MAX) if match else 0


def read_width_dm(tags: Tags) -> int:
    """Width of the carriageway in tenths of a metre, 0 where untagged, unreadable or absurd."""
    text = tags.get("width", "") or tags.get("est_width", "")
    match = _WIDTH.fullmatch(text.strip().lower().replace(",", "."))
    if not match:
        return 0
    width_m = float(match[1]) * (M_PER_FOOT if match[2] in ("ft", "'") else 1.0)
    return round(width_m * 10) if WIDTH_M_MIN <= width_m <= WIDTH_M_MAX else 0


def maxspeeds_kmh(tags: Tags) -> tuple[int, int]:
    """Tagged limit forward and backward, km/h; 0 where untagged."""
    both = parse_maxspeed_kmh(tags.get("maxspeed", ""))
    if not both:
        kinds = ("maxspeed:type", "source:maxspeed", "zone:maxspeed", "zone:traffic")
        both = next(filter(None, (_implicit_kmh(tags.get(kind, "")) for kind in kinds)), 0)
    forward = parse_maxspeed_kmh(tags.get("maxspeed:forward", ""))
    backward = parse_maxspeed_kmh(tags.get("maxspeed:backward", ""))
    return forward or both, backward or both


def parse_maxspeed_kmh(text: str) -> int:
    """One `maxspeed` value in km/h, rounded; the lowest of a list; 0 where it says nothing.

    Reads "50", "50 km/h", "30 mph", "walk", "none", "CN:urban", "zone:30".
    """
    limits = [_one_limit_kmh(part.strip().lower()) for part in re.split("[;,|]", text)]
    return min((limit for limit in limits if limit), default=0)


def _one_limit_kmh(text: str) -> int:
    if text == "none":
        return UNLIMITED_KMH
    if text == "walk":
        return WALK_KMH
    match = _SPEED.fullmatch(text)
    if not match:
        return _implicit_kmh(text)
    unit = match[2] or ""
    factor = KMH_PER_MPH if unit == "mph" else KMH_PER_KNOT if unit.startswith("knot") else 1.0
    return min(round(float(match[1]) * factor), SPEED_MAX_KMH)


def _implicit_kmh(text: str) -> int:
    text = text.strip().lower()
    zone = _ZONE.fullmatch(text)
    if zone:
        return min(int(zone[1]), SPEED_MAX_KMH)
    known = COUNTRY_KMH.get(text)
    if known is not None:
        return known
    return ZONE_KMH.get(text.partition(":")[2], 0) if ":" in text else 0
