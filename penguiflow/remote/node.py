"""`RemoteNode`: a node whose work is done by an agent elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penguiflow.node import Node, NodePolicy
from penguiflow.remote.call import RemoteCall
from penguiflow.remote.conversation import Agent, earlier_binding, request_for
from penguiflow.types import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penguiflow.core import Context
    from penguiflow.remote.transport import RemoteTransport


def RemoteNode(  # noqa: N802 - the name is part of the contract
    *,
    transport: RemoteTransport,
    skill: str,
    agent_url: str,
    name: str,
    agent_card: Mapping[str, Any] | None = None,
    policy: NodePolicy | None = None,
    streaming: bool = False,
    record_binding: bool = True,
) -> Node:
    """A node that hands its message to an agent and returns the agent's bare result.

    An attempt that is ended early (by `timeout_s`, by the cancellation or the
    deadline of its trace, by the end of the flow) has the task at the agent
    cancelled as well, once the agent has told its id. A unary call tells it
    only with the answer, unless it goes on with a task that waits for input;
    use `streaming`, or a transport that answers early and `SupportsRemoteTasks`.

    Where the message's meta has a `router_session_id` and the flow's store is a
    `SupportsConversationBindings`, the call goes on with the agent's context of
    that session and tenant.

    Args:
        transport: the way to the agent.
        skill: what the agent is asked for.
        agent_url: where the agent is.
        name: the node's name in the flow.
        agent_card: what is known of the agent; the transport gets it.
        policy: how the node is run; each retry is a new call.
        streaming: send the agent's text on as chunks while it comes in.
        record_binding: store which task at the agent a trace is bound to.

    """
    agent = Agent(transport, skill, agent_url, agent_card, policy or NodePolicy(), streaming, record_binding)

    async def call_agent(message: Any, ctx: Context) -> Any:
        if not isinstance(message, Message):
            raise TypeError(f"remote node {name!r} takes a Message; got {type(message).__name__}. Emit an envelope")
        if ctx.runtime is None:
            raise RuntimeError("Context is not attached to a running flow")
        earlier = await earlier_binding(agent, message, ctx.runtime.state_store)
        request = request_for(agent, message, earlier, ctx.deadline_remaining())
        return await RemoteCall(agent, request, earlier, ctx, ctx.runtime).run()

    return Node(call_agent, name=name, policy=agent.policy)
