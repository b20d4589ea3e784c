"""Names of the arrays that are passed around; their shapes stand where they are declared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
#: Integers of any width: codes, positions.
Ints = NDArray[np.integer]
Floats = NDArray[np.float64]
