//! Who else on this node changes routes and rules: systemd-networkd, ec2-net-utils, nm-cloud-setup.

use serde::{Deserialize, Serialize};

use super::cni::Setting;
use super::{Failure, Observed};

/// Settings that delete or hijack the routes and rules of a CNI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkdFacts {
    /// `ManageForeignRoutes=` of networkd.conf(5), `true` by default: networkd deletes routes that
    /// it did not make when it (re)starts or an interface it manages changes. Unknown where
    /// `/etc/systemd` or `/usr/lib/systemd` is not in this root.
    pub manage_foreign_routes: Observed<Setting<bool>>,
    /// `ManageForeignRoutingPolicyRules=` of networkd.conf(5), `true` by default: likewise rules.
    pub manage_foreign_rules: Observed<Setting<bool>>,
    /// `Name=` patterns of `.network` files with `Unmanaged=yes`, each with its file: interfaces
    /// that networkd leaves alone.
    pub unmanaged: Observed<Vec<Unmanaged>>,
    /// A file of amazon-ec2-net-utils, whose `policy-routes@` units set rules of their own;
    /// `Known(None)`: none of its files is in this root.
    pub ec2_net_utils: Observed<Option<String>>,
}

impl NetworkdFacts {
    /// Nothing could be told.
    pub fn unknown(failure: &Failure) -> Self {
        Self {
            manage_foreign_routes: Observed::Unknown(failure.clone()),
            manage_foreign_rules: Observed::Unknown(failure.clone()),
            unmanaged: Observed::Unknown(failure.clone()),
            ec2_net_utils: Observed::Unknown(failure.clone()),
        }
    }
}

/// Interfaces that networkd leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmanaged {
    /// The `.network` file.
    pub file: String,
    /// Words of `[Match] Name=`; empty: the file matches by something else.
    pub names: Vec<String>,
}
