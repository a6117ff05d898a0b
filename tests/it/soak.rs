//! The agent for some seconds in bad weather; `cargo xtask bench soak` does the same for longer.

use std::time::Duration;

use bpfready_tests::soak::soak;

/// A report is ten times as large: one that is kept with each look would show.
const MEMORY: u64 = 4 << 20;
/// Connections to the API server that a client keeps for the next request.
const DESCRIPTORS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_descriptors_stay_flat_and_no_update_is_lost() {
    let outcome = soak(Duration::from_secs(12)).await.unwrap();
    println!("{outcome:#?}");
    let (warm, end) = (outcome.warm, outcome.end);
    assert!(end.resident_bytes <= warm.resident_bytes + MEMORY, "{outcome:#?}");
    assert!(end.descriptors <= warm.descriptors + DESCRIPTORS, "{outcome:#?}");
    assert!(end.threads <= warm.threads, "{outcome:#?}");
    assert!(outcome.answers > 10 && outcome.disturbances > 5, "{outcome:#?}");
    assert!(outcome.faults > 0 && outcome.looks > 3.0, "{outcome:#?}");
}
