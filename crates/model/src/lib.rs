//! Ids, money, mass, store time, layout, geometry, planogram, catalogue, observations and events.
