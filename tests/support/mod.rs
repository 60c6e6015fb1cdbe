//! What several tests need. Each program uses a part of it.
#![allow(dead_code)]

pub(crate) mod api_server;
pub(crate) mod certificates;
pub(crate) mod control_plane;
pub(crate) mod gate;
pub(crate) mod golden_case;
pub(crate) mod kept_text;
pub(crate) mod manifests;
pub(crate) mod parity_case;
pub(crate) mod pods;
pub(crate) mod process_memory;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod replicas;
pub(crate) mod serve;
pub(crate) mod spark_run;
pub(crate) mod studio;
pub(crate) mod template_directory;
