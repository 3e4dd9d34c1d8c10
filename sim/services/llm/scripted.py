"""A model that answers from a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penguiflow import ambient
from sim.services.llm.conversation import NoAnswer, reply_to
from sim.services.llm.shapes import completion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sim.model.llm import Script


class Scripted:
    """Answers by the rules, or turn by turn.

    Args:
        script: the answers.

    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self.models = script.models

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The chat completion.

        Raises:
            NoAnswer: the script has none, or it calls a tool that the request does not offer.

        """
        reply = reply_to(self._script, request["messages"])
        offered = list(_names(request.get("tools") or ()))
        for name, _ in reply.calls:
            if name not in offered:
                known = ", ".join(offered) or "none"
                raise NoAnswer(f"the script calls the tool {name!r}; the request offers {known}; correct one of them")
        return completion(request, reply, int(ambient.wall()))


def _names(tools: Any) -> Iterator[str]:
    return (tool["function"]["name"] for tool in tools if isinstance(tool, dict) and "function" in tool)
