//! The wire formats' tests: their bytes are pinned, have one form each, and come back as what they were.

mod canonical;
mod differences;
mod notation;
mod round_trip;
mod samples;
mod schemas;
mod vectors;
