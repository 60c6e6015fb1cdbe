//! The real spark-submit, out of the `pyspark` package (`tests/e2e/node/distribution VERSION`).

use crate::{
    block::{Block, Run},
    ours,
    support::control_plane::ControlPlane,
};
use std::process::Command;

/// The Spark version that `SPARK_HOME` has, by the directory's name.
pub(crate) fn version() -> String {
    let home = std::env::var("SPARK_HOME").expect("SPARK_HOME, a distribution of Spark");
    home.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Submits one after the other; CPU is the children's.
pub(crate) async fn run(count: usize) -> Run {
    let plane = ControlPlane::connect().await;
    let block = Block::new(&plane, count).await;
    let folder = tempfile::tempdir().unwrap();
    let commands: Vec<_> = block
        .applications
        .iter()
        .map(|live| ours::by_operator(&plane, live, folder.path()))
        .collect();
    let program = format!("{}/bin/spark-submit", std::env::var("SPARK_HOME").unwrap());
    Run::of(&block, 1, "self", |number| {
        let (program, arguments) = (&program, &commands[number]);
        async move {
            let output = Command::new(program)
                .args(arguments)
                .env("KUBECONFIG", ours::kubeconfig())
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    })
    .await
}
