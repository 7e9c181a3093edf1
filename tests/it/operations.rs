//! What an operator does with `groved`, on the real program: looking for what is wrong, reading a
//! configuration and a certificate again, and the files that systemd and container engines are
//! given.

pub(crate) mod certificates;
mod deploy;
mod doctor;
mod reload;
mod systemd;
