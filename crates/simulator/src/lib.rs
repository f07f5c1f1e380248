//! Seeded shoppers, shelf physics, sensor noise and faults; writes the truth apart.
