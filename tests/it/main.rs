//! The everyday tests: no cluster, no JVM. The modules say what is tested.
// Clippy sees that code is a test's only inside #[test].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod architecture;

/// Executors that could start, and executors that never would.
mod executors;

/// gRPC, REST, the command line and the drop-in, as a caller sees them.
mod entry_points {
    mod answers;
    mod closed_output;
    mod cluster_flags;
    mod command_line;
    mod drop_in_page;
    mod grpc;
    mod reports;
    mod rest;
    mod self_description;
    mod spark_submit;
    mod terminal;
    mod tls;
    mod waiting;
    mod wire_contract;
}

/// Applying to an API server that stands in for the real one.
mod cluster {
    mod apply;
    mod connections;
    mod events;
    mod faults;
    mod follow;
    mod pod_group;
    mod replicas;
    mod replicas_model;
    mod view;
}

/// Template sets, their tools and their pages, and the golden files.
mod templates {
    mod attempts;
    mod bypasses;
    mod comparison;
    mod examples;
    mod golden;
    mod mistakes;
    pub(crate) mod page;
    mod policies;
    mod reference;
    mod reload;
    mod rollout;
    mod sets;
    mod studio;
    mod ten;
    mod tools;
}

/// The pages in docs/: their links, and what they quote of the program.
mod documents {
    mod cli;
    mod guides;
    mod lines;
    mod links;
    mod troubleshooting;
}

/// What the program says of what is wrong, whole and in tables.
mod messages {
    mod coverage;
    mod tables;
}

/// What operators look at: readiness, metrics, traces, doctor, shadow mode.
mod operations {
    mod doctor;
    mod observability;
    mod readyz;
    mod shadow;
    mod status;
    mod traces;
}

/// Values of users: kept secret, written as they are, read as Java reads them.
mod values {
    #[path = "../../yaml_vectors/recorded.rs"]
    mod recorded;

    mod canary;
    mod fuzz_corpus;
    mod hostile;
    mod limits;
    mod properties;
    mod yaml_reading;
    mod yaml_writing;
}

/// What real Spark and the real operator do, and the pages that say so.
mod parity {
    mod executors;
    mod recordings;
    mod spark_application_page;
}
