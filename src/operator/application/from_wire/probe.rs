//! Probes, lifecycle hooks, and the actions that both take.

use super::convert::{At, Convert, named, set};
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

    fn convert(self, at: &At<'_>) -> Probe {
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

impl Convert for wire::Lifecycle {
    type To = Lifecycle;

    fn convert(self, at: &At<'_>) -> Lifecycle {
        let Self { post_start, pre_stop } = self;
        Lifecycle {
            post_start: post_start.convert(&at.field("post_start")),
            pre_stop: pre_stop.convert(&at.field("pre_stop")),
            ..Lifecycle::default()
        }
    }
}

impl Convert for wire::LifecycleHandler {
    type To = LifecycleHandler;

    fn convert(self, at: &At<'_>) -> LifecycleHandler {
        let Self {
            exec,
            http_get,
            tcp_socket,
            sleep,
        } = self;
        LifecycleHandler {
            exec: exec.convert(&at.field("exec")),
            http_get: http_get.convert(&at.field("http_get")),
            tcp_socket: tcp_socket.convert(&at.field("tcp_socket")),
            sleep: sleep.convert(&at.field("sleep")),
        }
    }
}

impl Convert for wire::ExecAction {
    type To = ExecAction;

    fn convert(self, _: &At<'_>) -> ExecAction {
        let Self { command } = self;
        ExecAction {
            command: set(command),
        }
    }
}

impl Convert for wire::HttpGetAction {
    type To = HTTPGetAction;

    fn convert(self, at: &At<'_>) -> HTTPGetAction {
        let Self {
            path,
            port,
            host,
            scheme,
            http_headers,
        } = self;
        HTTPGetAction {
            path: set(path),
            port: port.unwrap_or_default().convert(&at.field("port")),
            host: set(host),
            scheme: named::<wire::UriScheme>(scheme, &at.field("scheme")),
            http_headers: set(http_headers.convert(&at.field("http_headers"))),
        }
    }
}

impl Convert for wire::HttpHeader {
    type To = HTTPHeader;

    fn convert(self, _: &At<'_>) -> HTTPHeader {
        let Self { name, value } = self;
        HTTPHeader { name, value }
    }
}

impl Convert for wire::TcpSocketAction {
    type To = TCPSocketAction;

    fn convert(self, at: &At<'_>) -> TCPSocketAction {
        let Self { port, host } = self;
        TCPSocketAction {
            port: port.unwrap_or_default().convert(&at.field("port")),
            host: set(host),
        }
    }
}

impl Convert for wire::SleepAction {
    type To = SleepAction;

    fn convert(self, _: &At<'_>) -> SleepAction {
        let Self { seconds } = self;
        SleepAction { seconds }
    }
}

impl Convert for wire::IntOrString {
    type To = IntOrString;

    fn convert(self, at: &At<'_>) -> IntOrString {
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
