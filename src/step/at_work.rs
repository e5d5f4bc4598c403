//! Which steps of a case are done at a moment: what a probe sees is told with them.

use std::sync::Arc;

use super::Case;
use crate::event::StepInfo;

/// A step that is done until this is dropped.
pub struct AtWork {
    case: Arc<Case>,
    path: String,
}

impl AtWork {
    /// A step begins.
    pub fn begins(case: &Arc<Case>, step: &StepInfo) -> AtWork {
        let shown = format!("`{}` at {}", step.name, step.place);
        case.state().at_work.insert(step.path.clone(), shown);
        AtWork {
            case: Arc::clone(case),
            path: step.path.clone(),
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.case.state().at_work.remove(&self.path);
    }
}

impl Case {
    /// The steps that are done now, to read on: "during `stop web` at a.yaml:3:5"; empty between two of them.
    pub fn at_work(&self) -> String {
        let state = self.state();
        let steps: Vec<&str> = state.at_work.values().map(String::as_str).collect();
        match steps.as_slice() {
            [] => String::new(),
            steps => format!("during {}", steps.join(" and ")),
        }
    }
}
