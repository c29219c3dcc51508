//! `limits` of a `[[channel]]`: how fast it sends.

use std::{num::NonZeroU32, time::Duration};

use switchboard_core::{Rate, Rates};
use switchboard_engine::Limits;

use super::{
    mistake::{Fault, Invalid},
    section::Section,
};

/// The fastest and the largest that may be asked for.
const MOST: u32 = 100_000;
/// The slowest: about one in a quarter of an hour.
const SLOWEST: f64 = 0.001;

/// Reads `"platform"`, `"off"`, or
/// `{ channel = { burst = 30, per_second = 30 }, conversation = { burst = 3, per_second = 1 } }`.
pub(super) fn read(section: &mut Section<'_>) -> Limits {
    if section.is_table("limits") {
        let own = section.table("limits", rates).and_then(Result::ok);
        return own.map_or(Limits::Platform, Limits::Rates);
    }
    section.one_of("limits", &[("platform", Limits::Platform), ("off", Limits::Off)]).or(Limits::Platform)
}

fn rates(section: &mut Section<'_>) -> Result<Rates, Invalid> {
    let channel = section.table("channel", rate).transpose();
    let conversation = section.table("conversation", rate).transpose();
    if !section.has("channel") && !section.has("conversation") {
        let remedy = "add conversation = { burst = 3, per_second = 1 }, or take \"off\" instead of the table";
        return Err(section.mistake("conversation", Fault::new("missing, and so is channel", remedy)));
    }
    Ok(Rates { channel: channel?, conversation: conversation? })
}

/// Reads `{ burst = 30, per_second = 30 }`.
pub fn rate(section: &mut Section<'_>) -> Result<Rate, Invalid> {
    let burst = section.integer("burst", 1..=MOST).required();
    let per_second = section.number("per_second", SLOWEST..=f64::from(MOST)).required();
    Ok(Rate {
        burst: NonZeroU32::new(burst?).expect("the range begins at 1"),
        period: Duration::from_secs_f64(per_second?.recip()),
    })
}
