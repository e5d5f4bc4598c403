//! One file of a stack while it is rewritten.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use super::interpolate::Environment;
use crate::yaml::Node;

/// One file of a stack.
#[derive(Debug)]
pub(super) struct Unit {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its copy's path in the folder of copies.
    pub(super) copy: String,
    /// Whether its services are the stack's, or only there to be extended.
    pub(super) extended: bool,
    /// What its relative paths are relative to.
    pub(super) base: PathBuf,
    /// What `${…}` sees in it.
    pub(super) environment: Rc<Environment>,
    /// Its documents, merge keys applied.
    pub(super) documents: Vec<Node>,
    /// The file as it would be written if nothing was changed.
    pub(super) unchanged: Arc<str>,
    /// Files that its services extend: the path by the copy's absolute path.
    pub(super) extends: BTreeMap<String, PathBuf>,
}
