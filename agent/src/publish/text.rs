//! A report for a person: verdict first, then what is in the way, then everything else.
//!
//! The text carries ANSI styles; whoever writes it strips them where they are not wanted.

mod datapath;
mod features;
mod findings;
mod headline;
pub(in crate::publish) mod layout;
mod node;
mod unanswered;
mod visible;

use crate::judge::NodeReport;
use layout::Page;

/// How the reader looks at the report.
#[derive(Debug, Clone)]
pub struct View {
    /// Columns of the reader's terminal; narrower than 40 or wider than 110 is not used.
    pub columns: usize,
    /// What `--require` asked and how it ended, when it asked something.
    pub required: Option<(String, crate::judge::report::Ternary)>,
}

/// The report as text.
pub fn render(report: &NodeReport, view: &View) -> String {
    let mut page = Page::new(view.columns.clamp(40, 110));
    headline::headline(&mut page, report, view);
    node::node(&mut page, report);
    findings::in_the_way(&mut page, report);
    findings::values(&mut page, report);
    findings::warnings(&mut page, report);
    features::table(&mut page, report);
    unanswered::unanswered(&mut page, report);
    page.into_text()
}
