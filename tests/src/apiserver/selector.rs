//! Label and field selectors, as in `labelSelector` and `fieldSelector`.
//!
//! Source: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api> and
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/>

use super::status::Refusal;

/// One requirement on a label.
#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    Exists(String),
    Missing(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

/// What an object must have to be seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Selector {
    labels: Vec<Requirement>,
    /// Field, value, whether it must be equal.
    fields: Vec<(String, String, bool)>,
}

impl Selector {
    /// Reads both parameters of a request.
    ///
    /// # Errors
    ///
    /// 400 for what does not parse, or a field that `supported` does not know.
    pub(super) fn parse(
        labels: Option<&str>,
        fields: Option<&str>,
        supported: impl Fn(&str) -> bool,
    ) -> Result<Self, Refusal> {
        let labels = requirements(labels.unwrap_or_default())?;
        let fields = fields.unwrap_or_default().split(',').filter(|it| !it.is_empty());
        let fields: Vec<_> = fields.map(field).collect::<Result<_, _>>()?;
        if let Some((name, ..)) = fields.iter().find(|(name, ..)| !supported(name)) {
            return Err(Refusal::bad_request(format!("field label not supported: {name}")));
        }
        Ok(Self { labels, fields })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The value that `field` must equal, if the selector says so.
    pub(super) fn equal(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _, equal)| name == field && *equal).map(|it| it.1.as_str())
    }

    /// Whether an object with these labels and fields is seen.
    pub(super) fn matches<'a>(
        &self,
        label: impl Fn(&str) -> Option<&'a str>,
        field: impl Fn(&str) -> String,
    ) -> bool {
        self.labels.iter().all(|it| it.holds(&label))
            && self.fields.iter().all(|(name, value, equal)| (field(name) == *value) == *equal)
    }
}

impl Requirement {
    fn holds<'a>(&self, label: &impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Self::Exists(key) => label(key).is_some(),
            Self::Missing(key) => label(key).is_none(),
            Self::In(key, values) => label(key).is_some_and(|it| values.iter().any(|v| v == it)),
            // Also true for an object without the label.
            Self::NotIn(key, values) => label(key).is_none_or(|it| values.iter().all(|v| v != it)),
        }
    }
}

fn field(text: &str) -> Result<(String, String, bool), Refusal> {
    let (text, value, equal) = if let Some((name, value)) = text.split_once("!=") {
        (name, value, false)
    } else if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (name, value, true)
    } else {
        let message = format!("invalid selector: '{text}'; can't understand '{text}'");
        return Err(Refusal::bad_request(message));
    };
    Ok((text.trim().to_owned(), value.trim().to_owned(), equal))
}

fn requirements(text: &str) -> Result<Vec<Requirement>, Refusal> {
    split_outside_parentheses(text).into_iter().map(|it| requirement(it.trim())).collect()
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().filter(|it| !it.trim().is_empty()).collect()
}

fn requirement(text: &str) -> Result<Requirement, Refusal> {
    if let Some((key, values)) = text.split_once(" notin ").or_else(|| text.split_once(" notin(")) {
        return Ok(Requirement::NotIn(key.trim().into(), list(values)));
    }
    if let Some((key, values)) = text.split_once(" in ").or_else(|| text.split_once(" in(")) {
        return Ok(Requirement::In(key.trim().into(), list(values)));
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(key.trim().into(), vec![value.trim().into()]));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Requirement::In(key.trim().into(), vec![value.trim().into()]));
    }
    if let Some(key) = text.strip_prefix('!') {
        return Ok(Requirement::Missing(key.trim().into()));
    }
    if text.contains(char::is_whitespace) {
        return Err(Refusal::bad_request(format!("unable to parse requirement: {text:?}")));
    }
    Ok(Requirement::Exists(text.into()))
}

fn list(text: &str) -> Vec<String> {
    let text = text.trim().trim_start_matches('(').trim_end_matches(')');
    text.split(',').map(|it| it.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(selector: &str, labels: &[(&str, &str)], want: bool) {
        let parsed = Selector::parse(Some(selector), None, |_| true).expect("it parses");
        let label = |key: &str| labels.iter().find(|it| it.0 == key).map(|it| it.1);
        assert_eq!(parsed.matches(label, |_| String::new()), want, "{selector} on {labels:?}");
    }

    /// The examples of the documentation of labels.
    #[test]
    fn every_form_of_a_label_selector_holds() {
        let labels = [("environment", "production"), ("tier", "frontend")];
        expect("environment=production", &labels, true);
        expect("environment == production,tier!=frontend", &labels, false);
        expect("environment in (production, qa),tier", &labels, true);
        expect("tier notin (frontend, backend)", &labels, false);
        expect("partition notin (a)", &labels, true);
        expect("!partition", &labels, true);
        expect("partition", &labels, false);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let refusal = Selector::parse(None, Some("spec.x=1"), |_| false).expect_err("unknown");
        assert_eq!(refusal.code, 400);
    }
}
