//! Observations made by hand: what each kind of evidence does to the conclusion.

mod bed;
mod gates;
mod movements;
mod robust;
mod tricks;
