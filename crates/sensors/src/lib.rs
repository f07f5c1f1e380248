//! Drivers and their watchdogs: MQTT load cells, gates and tracks.
