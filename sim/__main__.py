"""`python -m sim`: the same as `penguiflow sim`."""

from sim.cli import sim

if __name__ == "__main__":
    sim(prog_name="python -m sim")
