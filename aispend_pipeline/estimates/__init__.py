"""What is used and not billed yet, priced from usage: estimated, said to be so, and replaced by the bill."""
