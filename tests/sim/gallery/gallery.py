"""Every planted bug, in its three families."""

from delays import DELAYS
from doubles import DOUBLES
from leaks import LEAKS

FAMILIES = {"doubles": DOUBLES, "leaks": LEAKS, "delays": DELAYS}
TITLES = {
    "doubles": "Effects twice or too late",
    "leaks": "Data that crosses tenants",
    "delays": "Late, lost, stuck, drowned",
}
