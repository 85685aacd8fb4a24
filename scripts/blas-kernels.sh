#!/usr/bin/env bash
# Prints what OPENBLAS_CORETYPE should be where OpenBLAS does not know the processor, and nothing where its own choice is
# good: for programs that compute with it and are not ours, such as the tests' runner. Ours see to it themselves
# (Sources/Tensors/BLASKernels.swift, which this follows).
set -euo pipefail

[ -z "${OPENBLAS_CORETYPE:-}" ] || exit 0
python3 - <<'PY' || true
import ctypes
import re

blas = ctypes.CDLL("libopenblas.so.0")
blas.openblas_get_corename.restype = ctypes.c_char_p
wide = {"haswell", "zen", "excavator", "skylakex", "cooperlake", "sapphirerapids"}
if blas.openblas_get_corename().decode().lower() not in wide:
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = set((re.search(r"^flags\s*:(.*)$", file.read(), re.M) or ["", ""])[1].split())
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
        print("SkylakeX")
    elif {"avx2", "fma"} <= flags:
        print("Haswell")
PY
