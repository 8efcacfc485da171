"""32-bit cores without DSP instructions: Cortex-M0+ and M3, RISC-V, Xtensa; and the host."""
