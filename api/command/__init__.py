"""The command `askpolicy`."""
