"""Plan or Report → str. Nothing here computes a difference or prints one."""
