//! The yardsticks: scoring against the truth.

pub mod accuracy;
pub mod baselines;
pub mod calibrate;
pub mod calibration;
pub mod diagram;
pub mod draw;
pub mod errors;
pub mod estimators;
pub mod eyes;
pub mod floor;
pub mod ledger;
pub mod marks;
pub mod matching;
pub mod mot;
pub mod outcome;
pub mod pixels;
pub mod promise;
pub mod render;
pub mod run;
pub mod score;
pub mod scripted;
pub mod speed;
pub mod steps;
pub mod table;
pub mod truth;
pub mod vision;
