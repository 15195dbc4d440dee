import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

final class EmulatedProject {
    static final URI BASE = URI.create(System.getenv("OPENAI_BASE_URL"));

    /** Empties the test's project, gives it a script, and returns its API key. */
    static String key(String test, String script) throws Exception {
        String key = "sk-emulator-" + test;
        send(key, "POST", "/_emulator/reset", "{}");
        send(key, "PUT", "/_emulator/script", script);
        return key;
    }

    static String send(String key, String method, String path, String json) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(BASE.resolve(path)).header("Authorization", "Bearer " + key)
            .header("OpenAI-Beta", "assistants=v2").method(method, BodyPublishers.ofString(json)).build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IllegalStateException(answer.body());
        return answer.body();
    }
}
