"""The service as a server of the Model Context Protocol (MCP), a client of its own HTTP contract."""

from importlib.util import find_spec


def is_installed() -> bool:
    """Whether MCP's SDK is there, which comes with `askpolicy[mcp]`."""
    return find_spec("mcp") is not None
