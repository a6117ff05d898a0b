//! The driver behind an interface, by sysfs.

use super::links::Link;
use crate::facts::{Cause, Observed};
use crate::observe::{Host, SourceError};

/// Reads the symlink `/sys/class/net/NAME/device/driver`; `Known(None)`: no device is behind.
///
/// sysfs shows the network namespace of who mounted it, which need not be the one that the links
/// were listed in; only where the index agrees is it the same interface.
pub(super) fn driver(host: &Host, link: &Link) -> Observed<Option<String>> {
    let shown = match index(host, &link.name) {
        Ok(shown) => shown,
        Err(error) => return Observed::Unknown(error.into()),
    };
    if shown != Some(link.ifindex) {
        let Link { name, ifindex, .. } = link;
        let detail = format!("sysfs does not show {name} with index {ifindex}");
        return Observed::unknown(Cause::Prerequisite, detail);
    }
    let target = host.link(&format!("/sys/class/net/{}/device/driver", link.name));
    target.map(|it| it.map(|path| last(&path).to_owned())).into()
}

fn index(host: &Host, name: &str) -> Result<Option<u32>, SourceError> {
    let path = format!("/sys/class/net/{name}/ifindex");
    let text = host.read(&path)?;
    let malformed = |found: &str| SourceError::Malformed {
        path: path.clone().into(),
        expected: "an interface index",
        found: super::super::host::shorten(found),
    };
    text.map(|it| it.trim_end().parse().map_err(|_| malformed(&it))).transpose()
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn link() -> Link {
        Link {
            name: "eth0".into(),
            ifindex: 4,
            kind: None,
            up: true,
            mtu_bytes: 1500,
            gso_max_bytes: None,
            gro_max_bytes: None,
            tso_max_bytes: None,
            gso_ipv4_max_bytes: None,
            gro_ipv4_max_bytes: None,
        }
    }

    /// A sysfs as `net_class_attrs` and `driver_sysfs_add()` lay it out.
    #[track_caller]
    fn expect(ifindex: &str, driver: Option<&str>, want: Result<Option<&str>, Cause>) {
        let root = tempfile::tempdir().unwrap();
        let eth0 = root.path().join("sys/class/net/eth0");
        std::fs::create_dir_all(eth0.join("device")).unwrap();
        std::fs::write(eth0.join("ifindex"), ifindex).unwrap();
        if let Some(driver) = driver {
            symlink(driver, eth0.join("device/driver")).unwrap();
        }
        let found = super::driver(&Host::mounted(root.path()).unwrap(), &link());
        let want = want.map(|it| it.map(str::to_owned));
        match found {
            Observed::Known(driver) => assert_eq!(Ok(driver), want),
            Observed::Unknown(failure) => assert_eq!(Err(failure.cause), want),
        }
    }

    #[test]
    fn the_driver_is_the_last_part_of_the_link() {
        expect("4\n", Some("../../../../bus/pci/drivers/ena"), Ok(Some("ena")));
    }

    #[test]
    fn no_link_is_no_driver() {
        expect("4\n", None, Ok(None));
    }

    #[test]
    fn another_namespace_settles_nothing() {
        expect("2\n", Some("../bus/pci/drivers/ena"), Err(Cause::Prerequisite));
        expect("four", Some("../bus/pci/drivers/ena"), Err(Cause::Malformed));
    }
}
