//! Network drivers with native XDP, and the first kernel in which they have it.

/// `Documentation/reference-guides/bpf/progtypes.rst` of Cilium, by the name of the kernel module.
const DRIVERS: &[(&str, (u32, u32))] = &[
    ("ena", (5, 6)),
    ("atlantic", (5, 19)),
    ("bnxt_en", (4, 11)),
    ("nicvf", (4, 12)),
    ("tsnep", (6, 3)),
    ("fsl_dpa", (5, 11)),
    ("fsl_dpaa2_eth", (5, 0)),
    ("fsl_enetc", (5, 13)),
    ("fsl_enetc_vf", (5, 13)),
    ("fec", (6, 2)),
    ("funeth", (5, 18)),
    ("gve", (6, 4)),
    ("ice", (5, 5)),
    ("igb", (5, 10)),
    ("igc", (5, 13)),
    ("i40e", (4, 13)),
    ("ixgbe", (4, 12)),
    ("ixgbevf", (4, 17)),
    ("mvneta", (5, 5)),
    ("mvpp2", (5, 9)),
    ("rvu_nicpf", (5, 16)),
    ("rvu_nicvf", (5, 16)),
    ("mtk_soc_eth", (6, 0)),
    ("mlx4_en", (4, 8)),
    ("mlx4_core", (4, 8)),
    ("mlx5_core", (4, 9)),
    ("lan966x-switch", (6, 2)),
    ("hv_netvsc", (5, 6)),
    ("mana", (5, 17)),
    ("nfp", (4, 10)),
    ("bonding", (5, 15)),
    ("tun", (4, 14)),
    ("virtio_net", (4, 10)),
    ("vif", (5, 9)),
    ("veth", (4, 19)),
    ("qede", (4, 10)),
    ("netsec", (5, 3)),
    ("sfc", (5, 5)),
    ("st_gmac", (5, 13)),
    ("stmmaceth", (5, 13)),
    ("cpsw", (5, 3)),
    ("vmxnet3", (6, 6)),
];

/// The first kernel whose driver of this name has native XDP; `None`: not in the list.
pub(super) fn first_kernel(driver: &str) -> Option<(u32, u32)> {
    DRIVERS.iter().find(|(name, _)| *name == driver).map(|(_, first)| *first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_driver_is_there_once() {
        for (name, _) in DRIVERS {
            assert_eq!(DRIVERS.iter().filter(|(it, _)| it == name).count(), 1, "{name}");
        }
    }
}
