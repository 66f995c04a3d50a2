//! Fairness over many draws: the contract's own stream, read outside the sandbox, under the chi-square test. A sampler
//! that is planted with the usual mistake is found out by the same test.

use plate_lottery::sampler::Sampler;

use super::*;

type Hash = fn(&[u8]) -> [u8; 32];
type Stream = Sampler<Hash>;

fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// The chi-square statistic of counts against what they should be.
fn chi_square(counts: &[u64], expected: &[f64]) -> f64 {
    counts.iter().zip(expected).map(|(count, expected)| (*count as f64 - expected).powi(2) / expected).sum()
}

/// A bound that fair counts are over once in some hundred thousand runs (Wilson and Hilferty, z = 4.3).
fn bound(degrees: usize) -> f64 {
    let degrees = degrees as f64;
    let ninth = 2.0 / (9.0 * degrees);
    degrees * (1.0 - ninth + 4.3 * ninth.sqrt()).powi(3)
}

/// How often each entry is drawn first, over so many beacons. Entry n has `tickets[n]` of them.
fn first_winners(draws: u64, tickets: &[u64], ticket: impl Fn(&mut Stream, u64) -> u64) -> Vec<u64> {
    let total = tickets.iter().sum();
    let mut counts = vec![0; tickets.len()];
    for draw in 0..draws {
        let beacon = sha256(&draw.to_be_bytes());
        let mut sampler = Sampler::new(sha256 as Hash, beacon, 1, total, 0);
        let mut left = ticket(&mut sampler, total);
        let entry = tickets.iter().position(|own| {
            let here = left < *own;
            left = left.wrapping_sub(*own);
            here
        });
        counts[entry.expect("the ticket is somebody's")] += 1;
    }
    counts
}

fn fair(sampler: &mut Stream, _: u64) -> u64 {
    loop {
        if let Some(ticket) = sampler.ticket() {
            return ticket;
        }
    }
}

#[test]
fn ten_thousand_draws_favour_nobody() {
    const DRAWS: u64 = 10_000;
    let tickets = [1; 97];
    let counts = first_winners(DRAWS, &tickets, fair);
    let found = chi_square(&counts, &[DRAWS as f64 / 97.0; 97]);
    assert!(found < bound(96), "chi-square {found:.1} of {:.1}", bound(96));
}

#[test]
fn ten_thousand_draws_favour_tickets_as_they_should() {
    const DRAWS: u64 = 10_000;
    let tickets = [1, 4, 2, 3, 1, 1, 4, 2];
    let counts = first_winners(DRAWS, &tickets, fair);
    let expected: Vec<f64> = tickets.iter().map(|own| DRAWS as f64 * *own as f64 / 18.0).collect();
    let found = chi_square(&counts, &expected);
    assert!(found < bound(7), "chi-square {found:.1} of {:.1}", bound(7));
}

#[test]
fn a_biased_sampler_is_found_out() {
    const DRAWS: u64 = 10_000;
    // The usual mistake, the remainder of one byte: the first 256 % 97 tickets have one chance in 256 more than the others.
    let biased = |stream: &mut Stream, total: u64| {
        let any = u64::MAX / total * total;
        let mut wide = Sampler::new(sha256 as Hash, sha256(&fair(stream, any).to_be_bytes()), 1, any, 0);
        fair(&mut wide, any) % 256 % total
    };
    let counts = first_winners(DRAWS, &[1; 97], biased);
    let found = chi_square(&counts, &[DRAWS as f64 / 97.0; 97]);
    assert!(found > bound(96), "chi-square {found:.1} of {:.1}", bound(96));
}

#[test]
fn places_among_the_winners_favour_nobody_either() {
    // Who is second and third, over whole draws without repetition.
    const DRAWS: u64 = 10_000;
    let mut counts = [[0u64; 11]; 3];
    for draw in 0..DRAWS {
        let mut sampler = Sampler::new(sha256 as Hash, sha256(&draw.to_le_bytes()), 2, 11, 0);
        let mut won = Vec::new();
        while won.len() < 3 {
            let ticket = fair(&mut sampler, 11);
            if !won.contains(&ticket) {
                counts[won.len()][ticket as usize] += 1;
                won.push(ticket);
            }
        }
    }
    for place in &counts {
        let found = chi_square(place, &[DRAWS as f64 / 11.0; 11]);
        assert!(found < bound(10), "chi-square {found:.1} of {:.1}", bound(10));
    }
}

#[test]
fn numbers_that_would_favour_low_tickets_are_passed_over() {
    let with = |first: u64, tickets: u64| {
        let hash = move |_: &[u8]| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&first.to_be_bytes());
            digest
        };
        Sampler::new(hash, [0; 32], 0, tickets, 0).ticket()
    };
    // 2^64 = 3 * 6148914691236517205 + 1.
    assert_eq!((with(u64::MAX - 1, 3), with(u64::MAX, 3)), (Some(2), None));
    assert_eq!((with(u64::MAX, 1), with(u64::MAX, 1 << 32)), (Some(0), Some((1 << 32) - 1)));
    assert_eq!(with(7, 0), Some(0), "a list without tickets is never drawn from, and does not divide by zero");
}
