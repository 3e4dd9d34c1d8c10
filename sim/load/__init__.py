"""Load: when requests arrive, from whom, and what they carry."""

from sim.load.arrivals import Arrival, choose_tenant, planned
from sim.load.payloads import PayloadError, make_payload
from sim.load.recorded import RecordedRow, read_rows
from sim.load.shapes import Shape, ShapeError
from sim.load.users import Stretch, stretches

__all__ = [
    "Arrival",
    "PayloadError",
    "RecordedRow",
    "Shape",
    "ShapeError",
    "Stretch",
    "choose_tenant",
    "make_payload",
    "planned",
    "read_rows",
    "stretches",
]
