//! What events are about, as it was planned or found before: cases, steps, nodes, and the problems of files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Level, Place};

/// One case of a scenario and one try of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaseId {
    /// Its number in the order of the files, from 1: reports keep that order.
    pub number: usize,
    /// The try, from 1.
    pub attempt: u32,
}

/// A case as it was planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaseInfo {
    /// Its number, from 1.
    pub number: usize,
    /// The scenario file, as the user would write it.
    pub file: String,
    /// Where the scenario's name stands.
    pub place: Place,
    /// The scenario's name.
    pub scenario: String,
    /// The name with its matrix values: `shop survives [db=pg15]`, and `… [run 2]` where it is repeated.
    pub name: String,
    /// Which of its repetitions it is, from 1; none where it is not repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<u32>,
    /// The matrix values.
    pub matrix: BTreeMap<String, Value>,
    /// The scenario's tags.
    pub tags: Vec<String>,
    /// The scenario's properties, copied into the reports.
    pub properties: BTreeMap<String, String>,
    /// The case's folder below the results folder.
    pub folder: String,
}

impl CaseInfo {
    /// Its name, the same for all its repetitions.
    pub fn base(&self) -> &str {
        let own = self.repetition.map(repetition_text).unwrap_or_default();
        self.name.strip_suffix(&*own).unwrap_or(&self.name)
    }
}

/// What stands behind the name of a repetition.
pub fn repetition_text(number: u32) -> String {
    format!(" [run {number}]")
}

/// Which step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepInfo {
    /// Its path, the key of its events: `then[2].use[1][item=b]@core2`.
    pub path: String,
    /// Its phase.
    pub phase: Phase,
    /// Its kind.
    pub kind: String,
    /// What the report calls it.
    pub name: String,
    /// Where it is written, with the line.
    pub place: Place,
    /// Where its template is used, from the inside out.
    pub used_at: Vec<Place>,
    /// How deep it stands in blocks.
    pub depth: usize,
    /// A digest of what it asks or does, as it is written: judged again is only the answer to the same question.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asks: String,
    /// The values of the author's names in that; of long ones a digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, Value>,
}

/// The phases of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Prepares; a failure makes every check errored.
    Given,
    /// What the scenario does.
    Steps,
    /// Checks.
    Then,
    /// After a failure.
    OnFailure,
    /// Always.
    Cleanup,
}

impl Phase {
    /// The scenario's key.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Given => "given",
            Phase::Steps => "steps",
            Phase::Then => "then",
            Phase::OnFailure => "on-failure",
            Phase::Cleanup => "cleanup",
        }
    }
}

/// A node and what is on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeInfo {
    /// Its name; `local` for the local engine.
    pub name: String,
    /// The engine's version.
    pub engine: String,
    /// The engine's API version.
    pub api: String,
    /// The compose tool and its version.
    pub compose: String,
    /// Kernel and architecture.
    pub system: String,
}

/// A diagnostic that can travel: drawn already, as plain text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DiagnosticInfo {
    /// How bad it is.
    pub level: Level,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Drawn with source line and caret, without colour.
    pub drawn: String,
}

impl From<&Diagnostic> for DiagnosticInfo {
    fn from(diagnostic: &Diagnostic) -> Self {
        DiagnosticInfo {
            level: diagnostic.level,
            place: diagnostic.span.place(),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            drawn: diagnostic.draw(false),
        }
    }
}
