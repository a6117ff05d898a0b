//! A moment as Kubernetes writes it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whole seconds since the Unix epoch; in JSON as RFC 3339 in UTC, like `metav1.Time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// How many seconds this is after `earlier`; negative when it is before.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Parses `2026-11-23T04:22:16Z`; a fraction of a second (`metav1.MicroTime`) is dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
        let clock = clock.split_once('.').map_or(clock, |it| it.0);
        let [year, month, day] = numbers(date, '-')?;
        let [hour, minute, second] = numbers(clock, ':')?;
        let plausible = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24;
        plausible.then(|| {
            Self(days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
        })
    }
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|it| it.parse::<i64>().ok().filter(|it| *it >= 0));
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. The year is taken to begin in March,
/// so that the leap day is its last: <https://howardhinnant.github.io/date_algorithms.html>.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        let days = days + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = (shifted + 2) % 12 + 1;
        let year = year + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("expected a time in UTC, found {text:?}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `date -u -d @N +%FT%TZ`.
    const PAIRS: &[(i64, &str)] = &[
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_795_407_736, "2026-11-23T04:22:16Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ];

    #[test]
    fn a_moment_is_read_and_written_as_date_does() {
        for (seconds, text) in PAIRS {
            assert_eq!(Time::parse(text), Some(Time(*seconds)), "{text}");
            assert_eq!(Time(*seconds).to_string(), *text);
        }
    }

    #[test]
    fn a_fraction_is_dropped_and_anything_else_is_refused() {
        assert_eq!(Time::parse("1970-01-01T00:00:01.999999Z"), Some(Time(1)));
        for text in ["", "1970-01-01", "1970-01-01T00:00:00+01:00", "1970-13-01T00:00:00Z", "xZ"] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
