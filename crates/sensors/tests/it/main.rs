//! The bus against a real broker, cameras against real files and a real server.

#[cfg(test)]
mod bus;
#[cfg(test)]
mod camera;
#[cfg(test)]
mod driver;
#[cfg(test)]
mod footage;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod rtsp;
#[cfg(test)]
mod shelf;
#[cfg(test)]
mod shop;
