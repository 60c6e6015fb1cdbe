//! The limits of what goes out: answers, log lines, Events.

/// Findings that are kept of one submission; all further ones are only counted. Warnings too.
pub const FINDINGS: usize = 20;

/// The longest text of an answer, of an Event's source or of a list of warnings, in bytes.
pub const ANSWER_BYTES: usize = 4 << 10;

/// The longest log line, in bytes, its end of line included.
pub const LOG_LINE_BYTES: usize = 16 << 10;

/// The longest submission id, in characters: it is the value of a label.
pub const SUBMISSION_ID_CHARACTERS: usize = 63;

/// The most of a name that is free text, as an application's in Spark, in a log line or an answer, in characters.
pub const SHOWN_NAME: usize = 253;

/// The most of a field path that a finding shows, in characters.
pub const PATH_CHARACTERS: usize = 256;

/// The longest single warning, in bytes.
pub const WARNING_BYTES: usize = 1 << 10;
