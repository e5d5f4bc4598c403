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
        let (timeout, timeout_by) = self.timeout();
        let (keep, retries) = (self.keep(), self.retries());
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
            timeout,
            timeout_by,
            retries,
            keep,
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

    /// The limit of one try, and who set it.
    fn timeout(&self) -> (Duration, SetBy) {
        let project = self.project().and_then(|project| project.timeout.as_ref());
        match self.loaded.scenario.timeout.as_ref().or(project) {
            Some(limit) => (limit.value, SetBy::Timeout(limit.span.place())),
            None => (TIMEOUT, SetBy::Default),
        }
    }

    fn retries(&self) -> u32 {
        let project = self.project().and_then(|project| project.retries.as_ref());
        let retries = self.loaded.scenario.retries.as_ref().or(project);
        retries.map_or(0, |retries| u32::try_from(retries.value).unwrap_or(u32::MAX))
    }

    fn keep(&self) -> Keep {
        let project = self.project().and_then(|project| project.keep.as_ref());
        let written = self.loaded.scenario.keep.as_ref().or(project).map(|keep| keep.value);
        self.settings.keep.or(written).unwrap_or(Keep::Never)
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
