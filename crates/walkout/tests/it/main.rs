//! Tests of the binary as a user runs it.

#[cfg(test)]
mod calibrate;
#[cfg(test)]
mod cameras;
#[cfg(test)]
mod closed_pipe;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod enrol;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod eyes;
#[cfg(test)]
mod page;
#[cfg(test)]
mod pixels;
#[cfg(test)]
mod program;
#[cfg(test)]
mod rendered;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod shelves;
#[cfg(test)]
mod simulate;
#[cfg(test)]
mod watch;
