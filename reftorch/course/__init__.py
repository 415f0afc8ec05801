"""Assignments made from the component files. `mutants/` lists the classic mistakes of each component."""
