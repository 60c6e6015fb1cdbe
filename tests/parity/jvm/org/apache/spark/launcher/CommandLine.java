package org.apache.spark.launcher;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;

/** What bin/spark-submit hands to SparkSubmit: the launcher reads the arguments first. */
public final class CommandLine {
  private CommandLine() {}

  /** The arguments of `org.apache.spark.deploy.SparkSubmit`; the script between the two drops carriage returns. */
  public static List<String> ofSparkSubmit(List<String> arguments) throws IOException {
    List<String> command = new SparkSubmitCommandBuilder(arguments).buildCommand(new HashMap<>());
    int program = command.indexOf("org.apache.spark.deploy.SparkSubmit");
    return command.subList(program + 1, command.size()).stream().map(argument -> argument.replace("\r", "")).toList();
  }
}
