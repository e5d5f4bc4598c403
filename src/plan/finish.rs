//! A plan put together from its parts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::secret::{StackSecret, of_stacks};
use super::{Parts, Plan, Resolving};
use crate::step::{Keep, SetBy};

/// The default limit of one try of a scenario.
const TIMEOUT: Duration = Duration::from_secs(600);

impl Resolving<'_> {
    /// The plan of its parts, with what is said once for all of it.
    pub(super) fn finished(self, mut parts: Parts) -> Plan {
        let scenario = Arc::clone(&self.loaded.scenario);
        let project = self.project();
        let locks = parts.stacks.iter().flat_map(|stack| stack.locks());
        let locks: BTreeSet<_> = locks.chain(parts.declared.locks()).collect();
        let keep = self.settings.keep.or(scenario
            .keep
            .as_ref()
            .or(project.and_then(|p| p.keep.as_ref()))
            .map(|keep| keep.value));
        let limit = scenario
            .timeout
            .as_ref()
            .or(project.and_then(|project| project.timeout.as_ref()));
        let retries = scenario
            .retries
            .as_ref()
            .or(project.and_then(|project| project.retries.as_ref()));
        let masked_everywhere = self.masked_everywhere(&parts.masked);
        let made_of = self.given_to_secrets();
        let stack_secrets = of_stacks(&parts.stacks, self.files);
        parts.notes.extend(stack_secrets.iter().filter_map(StackSecret::note));
        let requires = self.requires().cloned().collect();
        Plan {
            info: self.seed.info.clone(),
            attempt: self.attempt,
            id: self.id,
            scope: self.scope,
            masked_everywhere,
            made_of,
            masked: parts.masked,
            own_names: parts.own_names,
            folder: self.loaded.folder.clone(),
            scratch: parts.results.join("scratch"),
            results: parts.results,
            timeout: limit.map_or(TIMEOUT, |limit| limit.value),
            timeout_by: limit.map_or(SetBy::Default, |limit| SetBy::Timeout(limit.span.place())),
            retries: retries.map_or(0, |retries| u32::try_from(retries.value).unwrap_or(u32::MAX)),
            keep: keep.unwrap_or(Keep::Never),
            requires,
            makes_swarm: scenario.cluster.is_some(),
            skip: scenario.skip.clone(),
            known_issues: scenario.known_issue.clone(),
            images: parts.images,
            declared: parts.declared,
            stack_secrets,
            stacks: parts.stacks.into_iter().map(Arc::new).collect(),
            names: parts.names,
            phases: parts.phases,
            marks: parts.noted.marks,
            expects: parts.noted.expects,
            log_scans: parts.log_scans,
            measuring: parts.measuring,
            collect: project
                .into_iter()
                .flat_map(|p| p.collect.clone())
                .chain(scenario.collect.clone())
                .collect(),
            locks: locks.into_iter().collect(),
            notes: parts.notes,
        }
    }

    /// The try's own folder: what one leaves is not overwritten by the next.
    pub(super) fn results(&self) -> PathBuf {
        let case = self.settings.results.join(&self.seed.info.folder);
        match self.attempt {
            1 => case,
            attempt => case.join(format!("try-{attempt}")),
        }
    }
}
