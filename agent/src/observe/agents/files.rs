//! Files that agents write and leave behind.

use std::collections::BTreeMap;

use crate::facts::{Cause, Observed};
use crate::observe::Host;

/// Folder and name: Cilium's overrides of sysctls, ipamd's list of addresses.
const FILES: &[(&str, &str)] =
    &[("/etc/sysctl.d", "99-zzz-override_cilium.conf"), ("/run/aws-node", "ipam.json")];

/// Whether each is there.
pub(super) fn files(host: &Host) -> BTreeMap<String, Observed<bool>> {
    let look =
        |(folder, name): &(&str, &str)| (format!("{folder}/{name}"), is_there(host, folder, name));
    FILES.iter().map(look).collect()
}

/// By the list of its folder: what is in the file is nobody's concern.
fn is_there(host: &Host, folder: &str, name: &str) -> Observed<bool> {
    match host.list(folder) {
        Ok(Some(names)) => Observed::Known(names.iter().any(|it| it == name)),
        Ok(None) => Observed::unknown(Cause::Prerequisite, format!("no {folder} in this root")),
        Err(error) => Observed::Unknown(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::host::tests::host;

    #[test]
    fn a_file_is_there_or_not_and_without_its_folder_nobody_knows() {
        let path = "/etc/sysctl.d/99-zzz-override_cilium.conf";
        let (_dir, host) = host(|_| {});
        assert_eq!(files(&host)[path].failure().map(|it| it.cause), Some(Cause::Prerequisite));
        let (dir, host) = crate::observe::host::tests::host(|root| {
            std::fs::create_dir_all(root.join("etc/sysctl.d")).unwrap();
        });
        assert_eq!(files(&host)[path], Observed::Known(false));
        std::fs::write(dir.path().join(&path[1..]), "").unwrap();
        assert_eq!(files(&host)[path], Observed::Known(true));
    }
}
