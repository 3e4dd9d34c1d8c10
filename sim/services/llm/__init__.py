"""A language model in process, for OpenAI's client and everything on top of it: answers from a script or a cassette."""

from sim.services.llm.app import LlmApp
from sim.services.llm.cassette import Cassette, record
from sim.services.llm.scripted import Scripted

__all__ = ["Cassette", "LlmApp", "Scripted", "record"]
