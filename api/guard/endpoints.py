"""The endpoints that a key can be made for, by their paths. It does not know who asks."""

ADMIN, MCP, METRICS = "admin", "mcp", "metrics"
_PATHS = {
    "ask": ("/v1/ask", "/v1/suggestions"),
    "search": ("/v1/search",),
    "compare": ("/v1/compare", "/v1/checklists"),
    "changes": ("/v1/changes", "/v1/changes.atom"),
    "companies": ("/v1/companies",),
    "policies": ("/v1/policies",),
    "chat": ("/v1/chat", "/v1/models"),
    MCP: ("/mcp",),
    METRICS: ("/metrics",),
    ADMIN: ("/v1/admin",),
}
ENDPOINTS = tuple(_PATHS)
# What a widget on anybody's page has no business with.
NOT_FOR_WIDGETS = frozenset((ADMIN, METRICS))


def endpoint_of(path: str) -> str | None:
    """The endpoint that `path` belongs to, if any.

    >>> endpoint_of("/v1/policies/x/text"), endpoint_of("/v1/policiesx"), endpoint_of("/healthz")
    ('policies', None, None)
    """
    belongs = ((name, prefix) for name, prefixes in _PATHS.items() for prefix in prefixes)
    return next((name for name, prefix in belongs if path == prefix or path.startswith(f"{prefix}/")), None)
