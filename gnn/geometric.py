"""The one door to torch-geometric: its import warns of what torch deprecated, which nobody here can mend."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.data import HeteroData
    from torch_geometric.nn import MessagePassing
    from torch_geometric.utils import spmm

__all__ = ["HeteroData", "MessagePassing", "spmm"]
