"""An invented mountain county, out of a seed: for demonstrations, tests and benchmarks."""

from geo.synth.mosaic import AREA_KM2_MAX, AREA_KM2_MIN, county

__all__ = ["AREA_KM2_MAX", "AREA_KM2_MIN", "county"]
