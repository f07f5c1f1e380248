//! Shops as files: the shipped ones, every kind of mistake, and files that went through a mill.

#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod shops;
