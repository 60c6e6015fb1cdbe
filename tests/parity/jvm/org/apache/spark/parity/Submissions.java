package org.apache.spark.parity;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.spark.deploy.SparkSubmit;
import org.apache.spark.launcher.CommandLine;

/** spark-submit in this JVM, one submission after the other. */
final class Submissions {
  private static final int SECONDS = 100;

  private final ApiServer api = new ApiServer();
  private final Properties atStart = (Properties) System.getProperties().clone();
  private final ClassLoader classes = Thread.currentThread().getContextClassLoader();
  private final ExecutorService threads = Executors.newCachedThreadPool(work -> {
    Thread thread = new Thread(work);
    thread.setDaemon(true);
    return thread;
  });

  Submissions() throws IOException {}

  /** What `{{MASTER}}` stands for in arguments. */
  String master() {
    return api.master();
  }

  /** Answers `{"objects": […]}`, and `error` if the submission failed; `{"error": "timeout"}` if it never ended. */
  ObjectNode answer(JsonNode submission) throws InterruptedException {
    List<String> arguments = new ArrayList<>();
    submission.get("argv").forEach(argument -> arguments.add(argument.asText().replace("{{MASTER}}", api.master())));
    Harness.setEnvironment(submission.get("env"));
    System.setProperties((Properties) atStart.clone());
    api.forget();
    // The JVM reads the submitting user once, from an environment that another case has changed since.
    UserGroupInformation.setLoginUser(null);
    ObjectNode answer = Harness.JSON.createObjectNode();
    Future<?> running = threads.submit(() -> {
      // Spark replaces it by one with the application's jars.
      Thread.currentThread().setContextClassLoader(classes);
      new SparkSubmit().doSubmit(CommandLine.ofSparkSubmit(arguments).toArray(String[]::new));
      return null;
    });
    try {
      running.get(SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException failed) {
      failed.getCause().printStackTrace();
      answer.put("error", Harness.chain(failed.getCause()));
    } catch (TimeoutException late) {
      running.cancel(true);
      answer.put("error", "timeout");
    }
    ArrayNode objects = answer.putArray("objects");
    api.recorded().forEach(objects::add);
    return answer;
  }
}
