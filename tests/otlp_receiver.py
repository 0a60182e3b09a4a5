"""A receiver of OTLP over HTTP on loopback, which reads what it gets with OpenTelemetry's own definitions."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_KINDS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


class Receiver:
    """`with Receiver() as receiver:` listens at `receiver.endpoint`."""

    def __init__(self):
        self._got = []
        self._some = threading.Condition()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                kind = _KINDS.get(self.path)
                if kind:
                    owner._take(kind.FromString(body))
                self.send_response(200 if kind else 404)  # who hears it may look at what came
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def _take(self, message):
        with self._some:
            self._got.append(message)
            self._some.notify_all()

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def spans(self):
        """Return the spans so far, each with the attributes of its resource."""
        return [
            (span, attributes(resource.resource))
            for message in self._got
            for resource in getattr(message, "resource_spans", ())
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metrics(self, *, role=None):
        """Return the metrics so far, by name; the last of each. `role`: only of such processes."""
        return {
            metric.name: metric
            for message in self._got
            for resource in getattr(message, "resource_metrics", ())
            if role in {None, attributes(resource.resource).get("tidemill.role")}
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def wait(self, patience_s=20.0):
        """Wait for one message more than there are."""
        with self._some:
            count = len(self._got)
            assert self._some.wait_for(lambda: len(self._got) > count, patience_s)


def attributes(owner):
    """Return the attributes of something as a dictionary."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in owner.attributes
    }
