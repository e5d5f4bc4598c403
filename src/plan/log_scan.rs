//! What the logs of a case are looked through for at its end: the project's rules, and the scenario's own.

use super::Resolving;
use crate::diagnostic::Span;
use crate::expect::{Allowed, LineMatcher};
use crate::scenario;
use crate::shape::Text;
use crate::step::{Binder, Ref, ServiceRef, find_service};

/// The rules that the project file or the scenario gives.
#[derive(Debug, Clone)]
pub struct LogScan {
    /// Where they are written.
    pub span: Span,
    /// True for the scenario's own: it is a check of it.
    pub own: bool,
    /// True where the lines of a traceback are one.
    pub joins: bool,
    /// Lines that no log may have.
    pub never: Vec<LineMatcher>,
    /// Lines that may be there all the same, whoever forbids them.
    pub ignore: Vec<Allowed>,
    /// The services whose logs are meant, each with its place; none where all are.
    pub services: Option<Vec<(Ref<ServiceRef>, Span)>>,
}

impl Resolving<'_> {
    /// The project's rules, then the scenario's; told what is wrong with the scenario's.
    pub(super) fn log_scans(&self, binder: &mut Binder<'_>) -> Vec<LogScan> {
        let of_project = self.project().and_then(|project| project.log_scan.as_ref());
        let own = self.loaded.scenario.log_scan.as_ref();
        if let Some(own) = own
            && own.never.is_empty()
            && of_project.is_none_or(|project| project.never.is_empty())
        {
            binder.error(
                &own.span,
                "`log-scan` forbids nothing: neither it nor the project file has a `never`",
                "say what no log may hold: `never: [ERROR]`",
            );
        }
        let of_project = of_project.map(|project| LogScan {
            // It is for all scenarios: one of them may well not have the service.
            services: services(project, |text| {
                let Some(literal) = text.as_literal() else {
                    let message = "a service of the project's `log-scan` is written literally";
                    let help = "it is for all scenarios, and has none of their values; a scenario's own `log-scan` can compute one";
                    binder.error(&text.span, message, help);
                    return None;
                };
                find_service(literal, binder.fixed.stacks).ok().map(Ref::Bound)
            }),
            ..LogScan::of(project, false)
        });
        let mut scans: Vec<LogScan> = of_project.into_iter().collect();
        scans.extend(own.map(|own| LogScan {
            services: services(own, |text| binder.service(text)),
            ..LogScan::of(own, true)
        }));
        scans
    }
}

impl LogScan {
    fn of(written: &scenario::LogScan, own: bool) -> LogScan {
        LogScan {
            span: written.span.clone(),
            own,
            joins: written.join.is_some(),
            never: written.never.clone(),
            ignore: written.ignore.clone(),
            services: None,
        }
    }
}

fn services(
    written: &scenario::LogScan,
    mut find: impl FnMut(&Text) -> Option<Ref<ServiceRef>>,
) -> Option<Vec<(Ref<ServiceRef>, Span)>> {
    let found = || {
        let found = written.services.iter();
        found
            .filter_map(|text| Some((find(text)?, text.span.clone())))
            .collect()
    };
    (!written.services.is_empty()).then(found)
}
