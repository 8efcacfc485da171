"""Version that generated files carry; a test holds it equal to the package's."""

TOOL_VERSION = "0.1.0"
ABI = 5
"""SOTTO_ABI of sotto/abi.h; a test holds both equal."""
