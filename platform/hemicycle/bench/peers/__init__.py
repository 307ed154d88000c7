"""Scripts that another Python runs: they import nothing of hemicycle, only numpy and the peer that they measure."""
