"""What is under test, behind one small protocol."""

from sim.subject.penguin import PenguinSubject
from sim.subject.protocol import Answer, Envelope, Subject, Targets

__all__ = ["Answer", "Envelope", "PenguinSubject", "Subject", "Targets"]
