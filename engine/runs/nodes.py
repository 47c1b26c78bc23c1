"""Several machines: which one this is, and where they meet.

Every machine starts the same command, under Slurm through srun. The first makes the run and listens; the others join
it there, in a runs folder that all of them share.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Mapping

import msgspec

from engine.config import ConfigError, RunConfig

NODE_VARIABLE, ENDPOINT_VARIABLE = "HYBRID_TUI_NODE", "HYBRID_TUI_RDZV"
_FIRST_PORT, _PORTS = 20_000, 12_000  # of Slurm's jobs: below those that systems hand out
_FIRST_OF_RANGE = re.compile(r"([^\[,]+)(?:\[(\d+))?")


class Node(msgspec.Struct, frozen=True):
    """This machine among those of one job: ``number`` counts from 0; the first one listens at ``host`` and ``port``."""

    number: int
    host: str
    port: int


def this_node() -> Node | None:
    """As $HYBRID_TUI_NODE and $HYBRID_TUI_RDZV say, else Slurm's variables; None where neither do.

    Raises:
        ConfigError: a variable cannot be used; names it.
    """
    variables = os.environ
    if NODE_VARIABLE in variables:
        number, endpoint = variables[NODE_VARIABLE], variables.get(ENDPOINT_VARIABLE, "")
    elif "SLURM_NODEID" in variables and "SLURM_JOB_ID" in variables:
        number, endpoint = variables["SLURM_NODEID"], variables.get(ENDPOINT_VARIABLE) or _of_slurm(variables)
    else:
        return None
    host, _, port = endpoint.rpartition(":")
    if not number.isdecimal() or not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ConfigError(
            f"{NODE_VARIABLE}={number!r}, {ENDPOINT_VARIABLE}={endpoint!r}: expected a number from 0, and HOST:PORT of "
            "the first machine"
        )
    return Node(int(number), host.strip("[]"), int(port))


def place_of_first(node: Node) -> str:
    """HOST:PORT of the first machine for one that waits to meet it, with a remark where the name leads nowhere."""
    place = f"{node.host}:{node.port}"
    try:
        ipaddress.ip_address(node.host)
        return place  # an address means what it says
    except ValueError:
        pass
    try:
        address = socket.getaddrinfo(node.host, node.port, type=socket.SOCK_STREAM)[0][4][0]
    except OSError as error:
        return f"{place}, whose name has no address here ({error.strerror})"
    if not ipaddress.ip_address(address).is_loopback:
        return place
    return f"{place}, whose name is {address} here, this machine itself: set {ENDPOINT_VARIABLE} to ADDRESS:PORT"


def joins(config: RunConfig) -> bool:
    """Whether this machine joins a run of several that another one makes.

    Raises:
        ConfigError: the config asks for several machines, and nothing says which of them this is.
    """
    nodes = config.runtime.nodes
    if nodes == 1:
        return False
    node = this_node()
    if node is None:
        raise ConfigError(
            f"runtime.nodes: each of the {nodes} machines starts this command, through srun or with "
            f"{NODE_VARIABLE}=0 to {nodes - 1} and {ENDPOINT_VARIABLE}=HOST:PORT of the first"
        )
    if node.number >= nodes:
        raise ConfigError(f"runtime.nodes: this is machine {node.number}, counted from 0, of only {nodes}")
    return node.number > 0


def _of_slurm(variables: Mapping[str, str]) -> str:
    """The first machine of the step, such as node03 of "node[03-05,9]"; and a port of this step's own."""
    machines = variables.get("SLURM_STEP_NODELIST") or variables.get("SLURM_JOB_NODELIST", "")
    first = _FIRST_OF_RANGE.match(machines)
    if first is None:
        return ""
    # Of a job's several steps at once each has its own; one that Slurm starts again may have that of its former start.
    step = sum(int(variables.get(f"SLURM_{name}_ID", "0")) * weight for name, weight in (("JOB", 7), ("STEP", 1)))
    return f"{first[1]}{first[2] or ''}:{_FIRST_PORT + step % _PORTS}"
