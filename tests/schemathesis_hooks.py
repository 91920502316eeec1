"""What `make fuzz` needs to know of our media types. schemathesis loads it, as `schemathesis.toml` says."""

import schemathesis


@schemathesis.serializer("application/jsonl")
def as_lines(_: schemathesis.SerializationContext, value: object) -> str:
    """The body of lines is text to the schema."""
    return str(value)
