"""Whether the installation is as it should be: its stores, its sums, and the reasons where it is not."""
