package e2e.lib;

/** What only a jar of the application's dependencies has. */
public final class Greeting {
  public static String of(String text) {
    return "from the jar: " + text;
  }
}
