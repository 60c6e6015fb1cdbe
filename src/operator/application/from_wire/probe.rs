//! Probes, lifecycle hooks, and the actions that both take.

use super::convert::{Convert, MessagePlace, convert_fields};
use crate::{finding::expected, operator::wire};
use k8s_openapi::{
    api::core::v1::{
        ExecAction, HTTPGetAction, HTTPHeader, Lifecycle, LifecycleHandler, Probe, SleepAction,
        TCPSocketAction,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};

convert_fields! {
    Probe => Probe {
        initial_delay_seconds: set, timeout_seconds: set, period_seconds: set, success_threshold: set,
        failure_threshold: set, termination_grace_period_seconds, probe_handler: rest,
    }
    ProbeHandler => Probe { exec: part, http_get: part, tcp_socket: part, ..rest }
    Lifecycle => Lifecycle { post_start: part, pre_stop: part, ..rest }
    LifecycleHandler => LifecycleHandler {
        exec: part, http_get: part, tcp_socket: part, sleep: part,
    }
    ExecAction => ExecAction { command: set }
    HttpGetAction => HTTPGetAction {
        path: set, port: always, host: set, scheme: named(UriScheme), http_headers: list, ..rest
    }
    HttpHeader => HTTPHeader { name, value }
    TcpSocketAction => TCPSocketAction { port: always, host: set }
    SleepAction => SleepAction { seconds }
}

impl Convert for wire::IntOrString {
    type To = IntOrString;

    fn convert(self, at: &MessagePlace<'_>) -> IntOrString {
        let Self { r#type } = self;
        match r#type {
            Some(wire::int_or_string::Type::IntVal(number)) => IntOrString::Int(number),
            Some(wire::int_or_string::Type::StrVal(name)) => IntOrString::String(name),
            None => {
                at.problem(expected("a number or a name").nothing());
                IntOrString::Int(0)
            }
        }
    }
}
