package org.apache.spark.parity;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * A JVM of one Spark version that stays up: a JSON line in, a JSON line out; before the first, the master URL.
 *
 * <p>`{"submit": …}` runs spark-submit against an API server in this JVM (Submissions), `{"executor": …}` makes the Pod of a
 * driver's first executor (ExecutorPods), `{"template": TEXT}` reads a pod template as fabric8 does.
 */
public final class Harness {
  static final ObjectMapper JSON = new ObjectMapper();
  private static final KubernetesSerialization FABRIC8 = new KubernetesSerialization();
  /** This process's environment, which System.getenv() looks into; changes of it are seen by all code here. */
  static final Map<String, String> ENVIRONMENT = environment();
  private static final Map<String, String> AT_START = new HashMap<>(ENVIRONMENT);

  private Harness() {}

  /** Arguments: a scratch directory, and the file that gets Spark's log. */
  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    PrintStream log = new PrintStream(new FileOutputStream(arguments[1]), true, StandardCharsets.UTF_8);
    System.setOut(log);
    System.setErr(log);
    ExecutorPods executors = new ExecutorPods(Files.createDirectories(Path.of(arguments[0])));
    Submissions submissions = new Submissions();
    out.println(JSON.writeValueAsString(JSON.createObjectNode().put("master", submissions.master())));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode request = JSON.readTree(line);
      log.println("REQUEST " + request.path("id").asText());
      ObjectNode answer;
      if (request.has("submit")) answer = submissions.answer(request.get("submit"));
      else if (request.has("executor")) answer = executors.answer(request.get("executor"));
      else answer = template(request.get("template").asText());
      answer.set("id", request.path("id"));
      out.println(JSON.writeValueAsString(answer));
    }
    // Threads of Spark's may be left.
    System.exit(0);
  }

  /** What fabric8 makes of a pod template's text, or why it can't. */
  private static ObjectNode template(String text) {
    ObjectNode answer = JSON.createObjectNode();
    try {
      Pod pod = FABRIC8.unmarshal(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), Pod.class);
      answer.set("pod", JSON.valueToTree(pod));
    } catch (RuntimeException error) {
      answer.put("error", chain(error));
    }
    return answer;
  }

  /** Sets the variables of a request, on top of what this JVM was started with. */
  static void setEnvironment(JsonNode variables) {
    ENVIRONMENT.clear();
    ENVIRONMENT.putAll(AT_START);
    if (variables != null) variables.fields().forEachRemaining(variable -> ENVIRONMENT.put(variable.getKey(), variable.getValue().asText()));
  }

  /** An error and its causes, in one line each. */
  static String chain(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (int depth = 0; error != null && depth < 5; error = error.getCause(), depth++) {
      text.append(depth == 0 ? "" : " <- ").append(error);
    }
    return text.toString();
  }

  @SuppressWarnings("unchecked")
  private static Map<String, String> environment() {
    try {
      Map<String, String> readOnly = System.getenv();
      Field inner = readOnly.getClass().getDeclaredField("m");
      inner.setAccessible(true);
      return (Map<String, String>) inner.get(readOnly);
    } catch (ReflectiveOperationException error) {
      throw new IllegalStateException("this JVM's environment can't be changed: it needs --add-opens java.base/java.util", error);
    }
  }
}
