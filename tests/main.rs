//! Chancery's integration tests. Each file is one subject.

mod architecture;
mod counter;
mod crash;
mod determinism;
mod evidence;
mod finality;
mod hostile;
mod source_lines;
mod trace;
