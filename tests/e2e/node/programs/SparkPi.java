package e2e;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.SparkConf;

/** Pi, by the share of random points that lie in a circle. */
public final class SparkPi {
  public static void main(String[] args) {
    int slices = args.length > 0 ? Integer.parseInt(args[0]) : 2;
    try (JavaSparkContext context = new JavaSparkContext(new SparkConf())) {
      int points = 100_000 * slices;
      List<Integer> all = new ArrayList<>(points);
      for (int i = 0; i < points; i++) {
        all.add(i);
      }
      long inside = context.parallelize(all, slices).filter(i -> {
        double x = Math.random() * 2 - 1;
        double y = Math.random() * 2 - 1;
        return x * x + y * y <= 1;
      }).count();
      System.out.println("Pi is roughly " + 4.0 * inside / points);
    }
  }
}
