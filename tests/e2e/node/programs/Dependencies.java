package e2e;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** Uses a class of a jar and reads a file, both of `local://`, on the driver and on an executor. */
public final class Dependencies {
  public static void main(String[] args) throws Exception {
    String file = args[0];
    try (JavaSparkContext context = new JavaSparkContext(new SparkConf())) {
      System.out.println("ON THE DRIVER " + greet(file));
      System.out.println("ON AN EXECUTOR " + context.parallelize(List.of(file), 1).map(Dependencies::greet).first());
    }
  }

  // By name: this program is compiled without the jar.
  private static String greet(String file) throws Exception {
    Class<?> greeting = Class.forName("e2e.lib.Greeting", true, Thread.currentThread().getContextClassLoader());
    return (String) greeting.getMethod("of", String.class).invoke(null, Files.readString(Path.of(file)).trim());
  }
}
