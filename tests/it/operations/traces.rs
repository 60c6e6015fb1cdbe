//! Traces by OTLP: a collector in this process sees the stages of a submission as parts of the caller's trace.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::serve::Serve;
use native_submit::operator::wire::RunAltSparkSubmitRequest;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use std::sync::{Arc, Mutex};
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self::default();
        let serving = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
        tokio::spawn(serving);
        (collector, url)
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_part_of_its_callers_trace() {
    let (collector, url) = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir:{}", folder.path().display());
    let serve = Serve::start(&["--apply-to", &target], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    let application = include_str!("../../../examples/spark-pi.yaml");
    let mut request = Request::new(RunAltSparkSubmitRequest {
        submission_id: "a".to_owned(),
        spark_application_manifest: application.as_bytes().to_vec(),
        ..RunAltSparkSubmitRequest::default()
    });
    let parent = format!("00-{TRACE}-{PARENT}-01");
    request
        .metadata_mut()
        .insert("traceparent", parent.parse().unwrap());
    let reply = serve.client().await.run_alt_spark_submit(request).await.unwrap();
    assert!(reply.into_inner().success);
    // One that fails, of a caller without a trace.
    assert!(!serve.submit("no application", "b").await.success);

    let metrics = serve.get("/metrics").1;
    let exemplar = format!("# {{trace_id=\"{TRACE}\"}}");
    assert!(metrics.contains(&exemplar), "{metrics}");
    serve.signal("TERM");
    let (status, log) = serve.end();
    assert!(status.success(), "{log}");

    let spans = collector.spans();
    let root = spans
        .iter()
        .find(|span| hex(&span.parent_span_id) == PARENT)
        .expect("the caller's part");
    assert_eq!(
        (root.name.as_str(), hex(&root.trace_id).as_str()),
        ("submission", TRACE)
    );
    let attribute = |span: &Span, name: &str| {
        let found = span.attributes.iter().find(|attribute| attribute.key == name);
        format!("{:?}", found.unwrap_or_else(|| panic!("{name}: {span:#?}")).value)
    };
    for (name, value) in [
        ("entry_point", "grpc"),
        ("submission_id", "a"),
        ("application", "spark-pi"),
        ("outcome", "written"),
    ] {
        assert!(attribute(root, name).contains(value), "{name}");
    }
    let mut stages: Vec<_> = spans
        .iter()
        .filter(|span| span.parent_span_id == root.span_id)
        .map(|span| span.name.as_str())
        .collect();
    stages.sort_unstable();
    assert_eq!(stages, ["apply", "check", "inform", "intent", "plan", "render"]);
    let failed = spans
        .iter()
        .find(|span| span.name == "submission" && hex(&span.trace_id) != TRACE)
        .expect("the other one");
    assert!(failed.parent_span_id.is_empty());
    assert_eq!(failed.status.as_ref().unwrap().code, 2, "an error");
    // The log names the submission in each line about it.
    let refused = log.lines().find(|line| line.contains("refused: ")).unwrap();
    assert!(
        refused.contains("\"submission_id\":\"b\"") && refused.contains("\"entry_point\":\"grpc\""),
        "{refused}"
    );
}

#[test]
fn without_a_collector_nothing_is_sent_and_nobody_waits() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir:{}", folder.path().display());
    let serve = Serve::start(
        &["--apply-to", &target],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")],
    );
    serve.signal("TERM");
    assert!(serve.end().0.success());
}
