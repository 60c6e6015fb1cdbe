//! What was found, and how it is printed.

use serde::Serialize;
use std::fmt;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// It works, but for something that some need; or it could not be looked at.
    Warn,
    /// Submissions fail, or are wrong.
    Fail,
}

/// What one check found: a line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// What was looked at: `configuration`, `certificates`, `ports`, `templates`, `api-server`, `operator`,
    /// `deployment`, `webhook`, `replicas`, `rights`.
    pub check: &'static str,
    /// How good it is.
    pub verdict: CheckStatus,
    /// What was found.
    pub message: String,
    /// What to do; nothing where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl CheckResult {
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            verdict: CheckStatus::Ok,
            message: message.into(),
            fix: None,
        }
    }

    pub(super) fn warn(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            check,
            verdict: CheckStatus::Warn,
            message: message.into(),
            fix: Some(fix.into()),
        }
    }

    pub(super) fn fail(check: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            verdict: CheckStatus::Fail,
            ..Self::warn(check, message, fix)
        }
    }
}

impl fmt::Display for CheckResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            CheckStatus::Ok => "OK  ",
            CheckStatus::Warn => "WARN",
            CheckStatus::Fail => "FAIL",
        };
        write!(f, "{verdict} {}: {}", self.check, self.message)?;
        match &self.fix {
            Some(fix) => write!(f, "\n     fix: {fix}"),
            None => Ok(()),
        }
    }
}

/// What all checks found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DoctorReport {
    /// In the order in which a server would meet them.
    pub findings: Vec<CheckResult>,
}

impl DoctorReport {
    pub(super) fn add(&mut self, finding: CheckResult) {
        self.findings.push(finding);
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = CheckResult>) {
        self.findings.extend(findings);
    }

    /// The worst of all verdicts.
    pub fn verdict(&self) -> CheckStatus {
        let verdicts = self.findings.iter().map(|finding| finding.verdict);
        verdicts.max().unwrap_or(CheckStatus::Ok)
    }
}

impl fmt::Display for DoctorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}
