//! What lives here and stands in something else's way: one file a place where it happens.

mod agents;
mod files;
mod hooks;
mod host;
mod proxies;

use super::story::Story;
use crate::judge::report::Issue;

/// Asks for every conflict.
pub(super) fn conflicts(story: &Story<'_, '_>) -> Vec<Issue> {
    let ask: [fn(&Story<'_, '_>) -> Vec<Issue>; 5] = [
        files::conflicts,
        hooks::conflicts,
        proxies::conflicts,
        agents::conflicts,
        host::conflicts,
    ];
    ask.iter().flat_map(|it| it(story)).collect()
}
