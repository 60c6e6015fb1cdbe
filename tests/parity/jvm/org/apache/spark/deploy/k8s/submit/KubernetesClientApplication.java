package org.apache.spark.deploy.k8s.submit;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.NamespacedKubernetesClient;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.SparkApplication;
import org.apache.spark.deploy.k8s.KubernetesConf;
import org.apache.spark.deploy.k8s.KubernetesConf$;
import org.apache.spark.deploy.k8s.KubernetesDriverConf;
import org.apache.spark.deploy.k8s.KubernetesUtils$;

/**
 * In place of Spark's class of this name, and like it, but for the API client: all submissions of a JVM share one, which takes half
 * of the time. So what a client is made of (timeouts, `authenticate.submission.*`) isn't looked at.
 */
public class KubernetesClientApplication implements SparkApplication {
  private static final int PATIENCE_MS = 120_000;

  private static NamespacedKubernetesClient shared;

  @Override
  public void start(String[] arguments, SparkConf conf) {
    ClientArguments parsed = ClientArguments.fromCommandLineArgs(arguments);
    KubernetesDriverConf driver = KubernetesConf$.MODULE$.createDriverConf(conf, KubernetesConf.getKubernetesAppId(), parsed.mainAppResource(),
        parsed.mainClass(), parsed.driverArgs(), parsed.proxyUser());
    String master = KubernetesUtils$.MODULE$.parseMasterUrl(conf.get("spark.master"));
    LoggingPodStatusWatcher watcher = new LoggingPodStatusWatcherImpl(driver);
    new Client(driver, new KubernetesDriverBuilder(), client(master).inNamespace(driver.namespace()), watcher).run();
  }

  private static synchronized NamespacedKubernetesClient client(String master) {
    if (shared == null) {
      // On a busy machine a request may take long; one that never ends ends with the submission.
      Config config = new ConfigBuilder(Config.empty()).withMasterUrl(master).withNamespace("default").withRequestTimeout(PATIENCE_MS)
          .withConnectionTimeout(PATIENCE_MS).build();
      shared = new KubernetesClientBuilder().withConfig(config).build().adapt(NamespacedKubernetesClient.class);
    }
    return shared;
  }
}
