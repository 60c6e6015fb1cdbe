//! Studio: a page in the browser that shows what templates do while their author writes them.
//!
//! [`Studio`] is a small server on loopback over what [`crate::authoring`] knows. The template directory is looked at as a
//! server looks at it; `Workspace` holds its state, the page asks for one document for each chosen
//! application (`view`) and one about all (`summary`). Nothing is applied, and nothing is written but a golden case that
//! the author saves (`save`).

mod applications;
mod baseline;
mod config_map;
mod guard;
mod head;
mod page;
mod requests;
mod save;
mod server;
mod settings;
mod state;
mod summary;
mod switches;
mod variables;
mod view;
mod workspace;

pub use server::{Studio, StudioError};
pub use settings::{ReadApplications, StudioSettings};
