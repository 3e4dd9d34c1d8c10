"""Load: when requests arrive, from whom, and what they carry."""

from sim.load.arrivals import Arrival, choose_tenant, planned
from sim.load.payloads import PayloadError, make_payload
from sim.load.recorded import RecordedRow, read_rows

__all__ = ["Arrival", "PayloadError", "RecordedRow", "choose_tenant", "make_payload", "planned", "read_rows"]
