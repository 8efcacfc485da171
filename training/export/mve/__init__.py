"""Kernels of sotto/nn_mve.h: their parameters, when a layer gets one, how constants are packed."""
