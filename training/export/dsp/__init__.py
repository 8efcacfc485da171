"""Armv7E-M with DSP instructions: Cortex-M4, M7, M33."""
