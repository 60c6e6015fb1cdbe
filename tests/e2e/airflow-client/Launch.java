import java.util.concurrent.CountDownLatch;
import org.apache.spark.launcher.SparkAppHandle;
import org.apache.spark.launcher.SparkLauncher;

/** Starts an application as a Java program does, and prints each state that it receives. */
public final class Launch {
  private Launch() {}

  /** Arguments: the master, the namespace, and the code that the driver ends with. */
  public static void main(String[] arguments) throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    SparkAppHandle.Listener listener = new SparkAppHandle.Listener() {
      @Override
      public void stateChanged(SparkAppHandle handle) {
        System.out.println(handle.getState());
        if (handle.getState().isFinal()) ended.countDown();
      }

      @Override
      public void infoChanged(SparkAppHandle handle) {}
    };
    new SparkLauncher().setMaster(arguments[0]).setDeployMode("cluster").setMainClass("a.B").setAppName("launched").setAppResource("local:///a.jar")
        .setConf("spark.kubernetes.namespace", arguments[1]).setConf("spark.kubernetes.container.image", "spark:x")
        .setConf("spark.kubernetes.driver.annotation.e2e/exit-code", arguments[2]).startApplication(listener);
    ended.await();
  }
}
