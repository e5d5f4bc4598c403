//! e2erun: a declarative end-to-end test runner for Docker.
//!
//! An author's words become a plan, a plan becomes events, events become reports; nothing flows back.
//!
//! ```text
//! argv ─▶ cli ─▶ load ─▶ yaml ─▶ scenario ─▶ plan ─▶ run ─▶ event ─▶ report ─▶ bytes
//!                text    tree    as written  bound   effects  data     folds
//! ```
//!
//! # Code map
//!
//! * [`diagnostic`], [`yaml`], [`template`], [`mod@shape`], [`expect`]: text with places, and what is wrong with it. Pure.
//! * [`scenario`]: the language as written. [`substitute`]: compose and swarm files rewritten. Pure; files come from a memo.
//! * [`step`]: the step kinds, a file each, a column through the layers: how it is written, bound and done; their table.
//! * [`image`], [`declared`], [`stack`], [`plan`]: names → ids; one plan is one case and one attempt. Pure.
//! * [`schedule`], [`run`]: the interpreter. It cannot fail: what goes wrong is told in events.
//! * [`engine`], [`host`], [`net`]: the only effects, behind traits in our own words. [`lease`]: who owns what was made.
//! * [`event`]: what happened, as data; [`mask`]: what is hidden in it, [`cut`]: where its long texts are cut. [`report`]:
//!   folds over events, nothing else.
//! * [`load`] reads files, `cli` reads arguments and environment and prints; nobody else does.
//!
//! # Absences
//!
//! Nothing to the left of [`run`] knows an engine. No reporter knows a plan, prints, or touches a file. No type of a
//! Docker client crosses [`engine`]. Nothing sleeps: waits are predicates over what the engine tells, and [`wait`] is the
//! one place that polls those who do not tell. Nothing is removed that a lease did not label.

pub mod cli;
pub mod cut;
pub mod declared;
pub mod diagnostic;
pub mod engine;
pub mod event;
pub mod expect;
pub mod host;
pub mod image;
pub mod lease;
pub mod load;
pub mod mask;
pub mod net;
pub mod plan;
mod quantity;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod shape;
pub mod stack;
pub mod step;
pub mod substitute;
pub mod template;
mod version;
pub mod wait;
pub mod yaml;
