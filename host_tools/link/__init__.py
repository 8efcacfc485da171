"""The serial link: frames (no I/O), messages, transports and the device."""
