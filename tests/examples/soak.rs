//! `cargo xtask bench soak`: the agent in bad weather, for as many seconds as the argument says.

use std::time::Duration;

use bpfready_tests::soak::{Footprint, Trouble, soak};

#[tokio::main]
async fn main() -> Result<(), Trouble> {
    let seconds = std::env::args().nth(1).map_or(Ok(600), |it| it.parse())?;
    let outcome = soak(Duration::from_secs(seconds)).await?;
    println!("| after | resident KiB | descriptors | threads |\n| --- | ---: | ---: | ---: |");
    for (after, footprint) in [("a quarter", outcome.warm), ("the end", outcome.end)] {
        let Footprint { resident_bytes, descriptors, threads } = footprint;
        println!("| {after} | {} | {descriptors} | {threads} |", resident_bytes / 1024);
    }
    let (answers, looks, settled) = (outcome.answers, outcome.looks, outcome.settled);
    println!(
        "\n{seconds} s, {looks} looks, {answers} answers, {} disturbances, {} faults. The Node was \
         right {settled:?} after the last of them.",
        outcome.disturbances, outcome.faults
    );
    Ok(())
}
