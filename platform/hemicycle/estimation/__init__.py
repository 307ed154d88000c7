"""Which mechanism of opinion change fits waves of opinions and a graph, and with which parameters."""
