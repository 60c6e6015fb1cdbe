package org.apache.spark.parity;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;

/** An API server that takes everything and keeps it as it was sent. */
final class ApiServer {
  private final HttpServer server;
  private final Map<String, JsonNode> objects = new LinkedHashMap<>();
  private int created;

  ApiServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
    server.setExecutor(Executors.newCachedThreadPool(work -> {
      Thread thread = new Thread(work);
      thread.setDaemon(true);
      return thread;
    }));
    server.createContext("/", this::serve);
    server.start();
  }

  String master() {
    return "k8s://http://127.0.0.1:" + server.getAddress().getPort();
  }

  synchronized void forget() {
    objects.clear();
    created = 0;
  }

  /** What exists, in the order of its creation. */
  synchronized List<JsonNode> recorded() {
    return new ArrayList<>(objects.values());
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      String path = exchange.getRequestURI().getPath();
      ObjectNode answer;
      int code;
      switch (exchange.getRequestMethod()) {
        case "POST", "PUT", "PATCH" -> {
          ObjectNode sent = (ObjectNode) Harness.JSON.readTree(body);
          boolean post = exchange.getRequestMethod().equals("POST");
          answer = keep(post ? path + "/" + sent.path("metadata").path("name").asText() : path, sent);
          code = post ? 201 : 200;
        }
        case "DELETE" -> {
          remove(path);
          answer = status("Success", 200);
          code = 200;
        }
        default -> {
          answer = status("Failure", 404).put("reason", "NotFound").put("message", "not found");
          code = 404;
        }
      }
      byte[] text = Harness.JSON.writeValueAsBytes(answer);
      exchange.getResponseHeaders().add("Content-Type", "application/json");
      exchange.sendResponseHeaders(code, text.length);
      exchange.getResponseBody().write(text);
    }
  }

  private synchronized ObjectNode keep(String path, ObjectNode sent) {
    objects.put(path, sent);
    ObjectNode live = sent.deepCopy();
    ObjectNode metadata = live.withObject("/metadata");
    metadata.put("uid", String.format("00000000-0000-4000-8000-%012d", ++created));
    metadata.put("creationTimestamp", "2026-01-01T00:00:00Z").put("resourceVersion", "1");
    if (live.path("kind").asText().equals("Pod")) live.putObject("status").put("phase", "Succeeded");
    return live;
  }

  private synchronized void remove(String path) {
    objects.remove(path);
  }

  private static ObjectNode status(String status, int code) {
    return Harness.JSON.createObjectNode().put("kind", "Status").put("apiVersion", "v1").put("status", status).put("code", code);
  }
}
