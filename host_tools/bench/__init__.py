"""What an inference costs on emulated cores: instructions, estimated cycles, flash, RAM, stack."""
