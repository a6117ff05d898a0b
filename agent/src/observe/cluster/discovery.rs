//! Which of the optional kinds are served, and in which version: asked, never assumed.

use std::collections::BTreeMap;

use super::list::Reader;
use crate::facts::cluster::Text;
use crate::facts::{Failure, Observed};
use serde::Deserialize;

/// API groups with their versions, the preferred one first.
pub(super) type Served = BTreeMap<Text, Vec<Text>>;

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: Text,
    versions: Vec<Version>,
    #[serde(default)]
    preferred_version: Option<Version>,
}

#[derive(Deserialize, Default)]
struct Version {
    version: Text,
}

#[derive(Deserialize)]
struct Resources {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: Text,
}

/// Every group that is served.
pub(super) async fn groups(reader: &Reader) -> Observed<Served> {
    let groups: Result<Option<Groups>, Failure> = reader.get("/apis").await;
    Observed::from(groups).map(|it| {
        it.into_iter().flat_map(|it| it.groups).map(|it| (it.name.clone(), ordered(it))).collect()
    })
}

fn ordered(group: Group) -> Vec<Text> {
    let preferred = group.preferred_version.unwrap_or_default().version;
    let mut versions: Vec<Text> = group.versions.into_iter().map(|it| it.version).collect();
    // A stable sort: the rest keeps the server's order.
    versions.sort_by_key(|it| *it != preferred);
    versions
}

/// `GROUP/VERSION` in which a kind is served; `Known(None)`: it is not.
pub(super) async fn version_of(
    reader: &Reader,
    served: &Observed<Served>,
    group: &str,
    plural: &str,
) -> Observed<Option<String>> {
    let versions = match served {
        Observed::Unknown(failure) => return Observed::Unknown(failure.clone()),
        Observed::Known(served) => served.get(group).cloned().unwrap_or_default(),
    };
    for version in versions {
        let api_version = format!("{group}/{version}");
        match reader.get::<Resources>(&format!("/apis/{api_version}")).await {
            Ok(Some(it)) if it.resources.iter().any(|it| it.name == plural) => {
                return Observed::Known(Some(api_version));
            }
            Ok(_) => {}
            Err(failure) => return Observed::Unknown(failure),
        }
    }
    Observed::Known(None)
}
