"""What is under test, behind one small protocol."""

from sim.model.targets import Targets
from sim.subject.build import BuildError
from sim.subject.function import FunctionSubject
from sim.subject.penguin import PenguinSubject
from sim.subject.protocol import Accountable, Answer, Envelope, Subject, SubjectError
from sim.subject.restarting import RestartingSubject
from sim.subject.wrapping import WrappingSeam

__all__ = [
    "Accountable",
    "Answer",
    "BuildError",
    "Envelope",
    "FunctionSubject",
    "PenguinSubject",
    "RestartingSubject",
    "Subject",
    "SubjectError",
    "Targets",
    "WrappingSeam",
]
