//! Probes, lifecycle hooks, and the actions that both take.

use super::convert::{Convert, MessagePlace, convert_fields, set};
use crate::{finding::expected, operator::wire};
use k8s_openapi::{
    api::core::v1::{
        ExecAction, HTTPGetAction, HTTPHeader, Lifecycle, LifecycleHandler, Probe, SleepAction,
        TCPSocketAction,
    },
    apimachinery::pkg::util::intstr::IntOrString,
};

impl Convert for wire::Probe {
    type To = Probe;

    fn convert(self, at: &MessagePlace<'_>) -> Probe {
        let Self {
            probe_handler,
            initial_delay_seconds,
            timeout_seconds,
            period_seconds,
            success_threshold,
            failure_threshold,
            termination_grace_period_seconds,
        } = self;
        let wire::ProbeHandler {
            exec,
            http_get,
            tcp_socket,
        } = probe_handler.unwrap_or_default();
        let action = at.field("probe_handler");
        Probe {
            exec: exec.convert(&action.field("exec")),
            http_get: http_get.convert(&action.field("http_get")),
            tcp_socket: tcp_socket.convert(&action.field("tcp_socket")),
            initial_delay_seconds: set(initial_delay_seconds),
            timeout_seconds: set(timeout_seconds),
            period_seconds: set(period_seconds),
            success_threshold: set(success_threshold),
            failure_threshold: set(failure_threshold),
            termination_grace_period_seconds,
            ..Probe::default()
        }
    }
}

convert_fields! {
    Lifecycle => Lifecycle { post_start: part, pre_stop: part, ..rest }
    LifecycleHandler => LifecycleHandler {
        exec: part, http_get: part, tcp_socket: part, sleep: part,
    }
    ExecAction => ExecAction { command: set }
    HttpGetAction => HTTPGetAction {
        path: set, port: always, host: set, scheme: named(UriScheme), http_headers: list,
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
