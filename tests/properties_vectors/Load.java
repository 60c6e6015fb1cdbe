import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.TreeMap;

/**
 * Says what java.util.Properties.load reads in texts: one answer line for each line of stdin.
 *
 * <p>A text, and each key and value, is its UTF-16 units as four hex digits each. An answer is "refused", or "read"
 * and the properties, each as " key=value".
 */
public class Load {
    public static void main(String[] args) throws IOException {
        BufferedReader texts = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
        for (String line = texts.readLine(); line != null; line = texts.readLine()) {
            answers.println(answer(fromHex(line)));
        }
    }

    private static String answer(String text) throws IOException {
        Properties properties = new Properties();
        try {
            properties.load(new StringReader(text));
        } catch (IllegalArgumentException malformedEscape) {
            return "refused";
        }
        TreeMap<String, String> sorted = new TreeMap<>();
        properties.forEach((key, value) -> sorted.put((String) key, (String) value));
        List<String> words = new ArrayList<>(List.of("read"));
        sorted.forEach((key, value) -> words.add(toHex(key) + "=" + toHex(value)));
        return String.join(" ", words);
    }

    private static String fromHex(String hex) {
        StringBuilder text = new StringBuilder(hex.length() / 4);
        for (int at = 0; at < hex.length(); at += 4) {
            text.append((char) Integer.parseInt(hex, at, at + 4, 16));
        }
        return text.toString();
    }

    private static String toHex(String text) {
        StringBuilder hex = new StringBuilder(text.length() * 4);
        text.chars().forEach(unit -> hex.append(String.format("%04x", unit)));
        return hex.toString();
    }
}
