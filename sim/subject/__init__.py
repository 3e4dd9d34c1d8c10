"""What is under test, behind one small protocol."""

from sim.subject.build import BuildError
from sim.subject.penguin import PenguinSubject
from sim.subject.protocol import Answer, Envelope, Subject, SubjectError, Targets

__all__ = ["Answer", "BuildError", "Envelope", "PenguinSubject", "Subject", "SubjectError", "Targets"]
