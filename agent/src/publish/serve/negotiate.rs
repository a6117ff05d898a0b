//! What a client takes: `Accept` and `Accept-Encoding` with their q-values (RFC 9110, 12.5).

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_ENCODING};

use crate::publish::prometheus::Form;

/// The form of metrics that the client prefers; the classic one when it does not say, and when it
/// takes neither, as every exporter does.
pub fn form(headers: &HeaderMap) -> Form {
    let ranges = ranges(headers, ACCEPT.as_str());
    let quality = |media: &str, version: &str| {
        let matching = ranges.iter().filter_map(|it| Some((it.fits(media, version)?, it.quality)));
        matching.max_by_key(|(how, _)| *how).map_or(0.0, |(_, quality)| quality)
    };
    let openmetrics = quality("application/openmetrics-text", "1.0.0");
    let classic = quality("text/plain", "0.0.4");
    if openmetrics > classic { Form::OpenMetrics } else { Form::Classic }
}

/// Whether the client takes gzip.
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = ranges(headers, ACCEPT_ENCODING.as_str());
    let named = codings.iter().find(|it| matches!(&*it.name, "gzip" | "x-gzip"));
    let any = || codings.iter().find(|it| it.name == "*");
    named.or_else(any).is_some_and(|it| it.quality > 0.0)
}

/// One element of a list of wishes.
#[derive(Debug, PartialEq)]
struct Range {
    name: String,
    version: Option<String>,
    /// From 0, not at all, to 1.
    quality: f64,
}

impl Range {
    /// How exactly this is meant, the higher the more; `None`: something else is meant.
    fn fits(&self, media: &str, version: &str) -> Option<u8> {
        let family = media.split('/').next().unwrap_or_default();
        match (&*self.name, self.version.as_deref()) {
            (name, Some(it)) if name == media => (it == version).then_some(3),
            (name, None) if name == media => Some(2),
            (name, _) if name.strip_suffix("/*") == Some(family) => Some(1),
            ("*/*", _) => Some(0),
            _ => None,
        }
    }
}

fn ranges(headers: &HeaderMap, name: &str) -> Vec<Range> {
    let lines = headers.get_all(name).iter().filter_map(|it| it.to_str().ok());
    lines.flat_map(|it| it.split(',')).filter_map(range).collect()
}

fn range(text: &str) -> Option<Range> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|it| !it.is_empty())?.to_ascii_lowercase();
    let mut range = Range { name, version: None, quality: 1.0 };
    for (key, value) in parts.filter_map(|it| it.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match key.trim().to_ascii_lowercase().as_str() {
            // What cannot be read is no wish.
            "q" => range.quality = value.parse::<f64>().unwrap_or(0.0).clamp(0.0, 1.0),
            "version" => range.version = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        headers
    }

    #[track_caller]
    fn expect(accept: &[&str], wanted: Form) {
        assert_eq!(form(&headers("accept", accept)), wanted, "{accept:?}");
    }

    /// What Prometheus 2.42 and 3.x send (scrape/scrape.go, `acceptHeader`).
    #[test]
    fn prometheus_gets_openmetrics() {
        expect(
            &["application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
               version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"],
            Form::OpenMetrics,
        );
        expect(
            &["application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
               application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;\
               escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"],
            Form::OpenMetrics,
        );
    }

    #[test]
    fn who_says_nothing_or_likes_both_alike_gets_the_classic_form() {
        expect(&[], Form::Classic);
        expect(&["*/*"], Form::Classic);
        expect(&["text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"], Form::Classic);
        expect(&["application/json"], Form::Classic);
        expect(&["application/openmetrics-text;q=0"], Form::Classic);
    }

    #[test]
    fn q_values_decide_and_lines_add_up() {
        let both = "application/openmetrics-text;q=0.3, text/plain;version=0.0.4;q=0.9";
        expect(&[both], Form::Classic);
        expect(
            &["text/plain;q=0.2", "application/openmetrics-text; version=\"1.0.0\""],
            Form::OpenMetrics,
        );
        expect(&["application/openmetrics-text; version=0.0.1"], Form::Classic);
        expect(&["application/openmetrics-text;q=broken, text/plain;q=0.1"], Form::Classic);
    }

    #[test]
    fn gzip_is_taken_when_it_is_named_or_anything_goes() {
        let takes = |line: &str| takes_gzip(&headers("accept-encoding", &[line]));
        assert!(takes("gzip, deflate") && takes("*") && takes("identity;q=0.5, gzip;q=0.1"));
        assert!(!takes("identity") && !takes("gzip;q=0") && !takes("br, gzip;q=0, *"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
