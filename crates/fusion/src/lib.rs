//! Weight steps, tracks and looks to attributed movements with calibrated probabilities.
