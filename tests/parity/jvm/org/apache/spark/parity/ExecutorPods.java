package org.apache.spark.parity;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext$;
import org.apache.spark.deploy.k8s.KubernetesConf$;
import org.apache.spark.deploy.k8s.KubernetesExecutorConf;
import org.apache.spark.deploy.k8s.KubernetesExecutorSpec;
import org.apache.spark.deploy.k8s.KubernetesUtils$;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfile$;
import org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBuilder;
import org.apache.spark.util.Utils$;
import scala.Option;
import scala.Tuple2;

/**
 * The Pod of executor 1 that a driver would create, made by Spark's own KubernetesExecutorBuilder.
 *
 * <p>What the driver does before that with its settings is done here too: it reads spark.properties, validates them, adds the
 * Java options of SparkContext, makes a secret.
 */
final class ExecutorPods {
  /** Where a driver finds its files. */
  private static final String CONF_DIR = "SPARK_CONF_DIR";
  /** The builds that it may take until shuffled local directories happen to be sorted. */
  private static final int ATTEMPTS = 400;
  private static final String EXECUTOR_UID = "EXECUTOR-UID";
  private static final String ALLOCATOR = "spark.kubernetes.allocation.pods.allocator";

  private final Path scratch;
  private final KubernetesClient client;

  /** `scratch` is a directory for the driver's files. */
  ExecutorPods(Path scratch) {
    this.scratch = scratch;
    // It is never called: the builder wants one.
    Config nowhere = new ConfigBuilder(Config.empty()).withMasterUrl("https://127.0.0.1:1").build();
    client = new KubernetesClientBuilder().withConfig(nowhere).build();
  }

  /** Answers `{"ok": true, "docs": […]}`, or `{"ok": false, "stage", "error", "cause"}` where the driver ends with an error. */
  ObjectNode answer(JsonNode request) {
    ObjectNode answer = Harness.JSON.createObjectNode();
    String[] stage = {"properties"};
    try {
      make(request, answer, stage);
      answer.put("ok", true);
    } catch (Throwable error) {
      error.printStackTrace();
      answer.put("ok", false).put("stage", stage[0]).put("error", firstLine(error));
      Throwable root = error;
      while (root.getCause() != null && root.getCause() != root) root = root.getCause();
      if (root != error) answer.put("cause", firstLine(root));
    }
    return answer;
  }

  private void make(JsonNode request, ObjectNode answer, String[] stage) throws Exception {
    SparkConf conf = driversConf(request);
    stage[0] = "validateSettings";
    conf.validateSettings();
    // The image's entrypoint.sh names both on the driver's command line.
    conf.set("spark.driver.bindAddress", request.get("driverIp").asText()).set("spark.submit.deployMode", "client");
    // SparkContext takes the host's own name where no Service gives one.
    conf.setIfMissing("spark.driver.host", "host-name-of-the-driver-pod");
    // Really it is made of the application's name and a random id.
    conf.setIfMissing("spark.kubernetes.executor.podNamePrefix", request.path("prefix").asText("p"));
    SparkContext$.MODULE$.org$apache$spark$SparkContext$$supplementJavaModuleOptions(conf);
    SparkContext$.MODULE$.org$apache$spark$SparkContext$$supplementJavaIPv6Options(conf);
    stage[0] = "securityManager";
    SecurityManager security = securityManager(conf);
    String secret = security.getSecretKey();
    if (secret != null && !secret.equals(conf.get("spark.authenticate.secret", ""))) answer.put("secret", secret);
    stage[0] = "allocator";
    String allocator = conf.get(ALLOCATOR, "direct");
    if (!allocator.equals("direct")) answer.put("allocator", allocator);
    findAllocator(allocator);
    stage[0] = "resourceProfile";
    ResourceProfile$.MODULE$.clearDefaultProfile();
    ResourceProfile profile = ResourceProfile$.MODULE$.getOrCreateDefaultProfile(conf);
    Pod driver = new PodBuilder().withApiVersion("v1").withKind("Pod").withNewMetadata().withName(request.get("driverName").asText())
        .withUid(request.get("driverUid").asText()).endMetadata().build();
    stage[0] = "conf";
    List<JsonNode> made = build(conf, Option.apply(driver), security, profile);
    for (int n = 0; n < ATTEMPTS && !directoriesAreSorted(made.get(0)); n++) made = build(conf, Option.apply(driver), security, profile);
    ArrayNode docs = answer.putArray("docs");
    made.forEach(docs::add);
  }

  /** The conf that SparkSubmit in the driver reads: trimmed, and only what begins with `spark.`. */
  private SparkConf driversConf(JsonNode request) throws Exception {
    Harness.setEnvironment(request.get("env"));
    Path files = emptied("conf");
    for (Iterator<String> names = request.get("confFiles").fieldNames(); names.hasNext();) {
      String name = names.next();
      Files.writeString(files.resolve(name), request.get("confFiles").get(name).asText());
    }
    if (request.path("mountedAtConfDir").asBoolean()) Harness.ENVIRONMENT.put(CONF_DIR, files.toString());
    Path properties = scratch.resolve("driver.properties");
    Files.writeString(properties, request.get("properties").asText());
    SparkConf conf = new SparkConf(false);
    for (var read = Utils$.MODULE$.getPropertiesFromFile(properties.toString()).iterator(); read.hasNext();) {
      Tuple2<String, String> property = read.next();
      if (property._1().startsWith("spark.")) conf.set(property._1(), property._2());
    }
    Path templates = emptied("template");
    if (request.has("template")) {
      Path template = templates.resolve("pod-spec-template.yml");
      Files.writeString(template, request.get("template").asText());
      conf.set("spark.kubernetes.executor.podTemplateFile", template.toString());
    }
    if (!conf.contains("spark.master")) conf.set("spark.master", "k8s://https://127.0.0.1:1");
    return conf;
  }

  /** Files with the secret exist in a driver, and here they have some content. */
  private SecurityManager securityManager(SparkConf conf) throws IOException {
    SparkConf withFiles = conf.clone();
    for (String key : List.of("spark.authenticate.secret.file", "spark.authenticate.secret.driver.file")) {
      if (withFiles.contains(key)) withFiles.set(key, Files.writeString(scratch.resolve("secret"), "mounted-secret").toString());
    }
    SecurityManager security = new SecurityManager(withFiles, Option.empty(),
        org.apache.spark.internal.config.package$.MODULE$.AUTH_SECRET_FILE_DRIVER());
    security.initializeAuth();
    return security;
  }

  /** As KubernetesClusterManager.makeExecutorPodsAllocator: a name that isn't known is a class. */
  private static void findAllocator(String name) throws ClassNotFoundException {
    boolean known = switch (name) {
      case "direct", "statefulset" -> true;
      case "deployment" -> exists("org.apache.spark.scheduler.cluster.k8s.DeploymentPodsAllocator");
      default -> false;
    };
    if (!known) Class.forName(name);
  }

  private static boolean exists(String name) {
    try {
      Class.forName(name);
      return true;
    } catch (ClassNotFoundException missing) {
      return false;
    }
  }

  /** As ExecutorPodsAllocator.requestNewExecutors: the container last, and claims with the owner that they would get. */
  private List<JsonNode> build(SparkConf conf, Option<Pod> driver, SecurityManager security, ResourceProfile profile) throws Exception {
    KubernetesExecutorConf executor = KubernetesConf$.MODULE$.createExecutorConf(conf, "1", conf.get("spark.app.id"), driver, 0);
    KubernetesExecutorSpec spec = new KubernetesExecutorBuilder().buildFromFeatures(executor, security, client, profile);
    Pod pod = new PodBuilder(spec.pod().pod()).editOrNewSpec().addToContainers(spec.pod().container()).endSpec().build();
    // The client that posts it replaces a template's namespace, and adds none.
    if (pod.getMetadata() != null && pod.getMetadata().getNamespace() != null) {
      pod.getMetadata().setNamespace((String) conf.get(org.apache.spark.deploy.k8s.Config$.MODULE$.KUBERNETES_NAMESPACE()));
    }
    List<JsonNode> made = new ArrayList<>(List.of(json(pod)));
    Pod created = new PodBuilder(pod).editOrNewMetadata().withUid(EXECUTOR_UID).endMetadata().build();
    boolean driverOwns = (Boolean) conf.get(org.apache.spark.deploy.k8s.Config$.MODULE$.KUBERNETES_DRIVER_OWN_PVC());
    for (var resources = spec.executorKubernetesResources().iterator(); resources.hasNext();) {
      HasMetadata resource = resources.next();
      own(created, resource);
      if (resource.getKind().equals("PersistentVolumeClaim") && driverOwns) own(driver.get(), resource);
      made.add(json(resource));
    }
    return made;
  }

  private static void own(Pod owner, HasMetadata resource) {
    KubernetesUtils$.MODULE$.addOwnerReference(owner,
        scala.collection.immutable.List$.MODULE$.<HasMetadata>empty().$colon$colon(resource));
  }

  private static JsonNode json(HasMetadata object) throws Exception {
    return Harness.JSON.readTree(Serialization.asJson(object));
  }

  private static boolean directoriesAreSorted(JsonNode pod) {
    for (JsonNode container : pod.path("spec").path("containers")) {
      for (JsonNode variable : container.path("env")) {
        if (!variable.path("name").asText().equals("SPARK_LOCAL_DIRS")) continue;
        String[] directories = variable.path("value").asText().split(",");
        String[] sorted = directories.clone();
        Arrays.sort(sorted);
        if (!Arrays.equals(directories, sorted)) return false;
      }
    }
    return true;
  }

  private Path emptied(String name) throws IOException {
    Path directory = scratch.resolve(name);
    if (Files.exists(directory)) {
      try (var inside = Files.walk(directory)) {
        for (Path path : (Iterable<Path>) inside.sorted(Comparator.reverseOrder())::iterator) Files.delete(path);
      }
    }
    return Files.createDirectories(directory);
  }

  private static String firstLine(Throwable error) {
    return String.valueOf(error).split("\r?\n", 2)[0];
  }
}
