/** Drives a scripted run by Java's own HTTP client, which offers HTTP/2 with each request; prints what it saw. */
public final class Drive {
    private static final String SCRIPT = "{\"version\": 1, \"replies\": [{\"do\": [{\"text\": \"It is sunny.\"}]}]}";

    public static void main(String[] arguments) throws Exception {
        String key = EmulatedProject.key("java", SCRIPT);
        String assistant = id(EmulatedProject.send(key, "POST", "/v1/assistants", "{\"model\": \"gpt-4o\"}"));
        String message = "{\"role\": \"user\", \"content\": \"" + "How is it? ".repeat(10_000) + "\"}";
        String thread = id(EmulatedProject.send(key, "POST", "/v1/threads", "{\"messages\": [" + message + "]}"));
        String runs = "/v1/threads/" + thread + "/runs";
        EmulatedProject.send(key, "POST", runs, "{\"assistant_id\": \"" + assistant + "\"}");
        System.out.println(EmulatedProject.send(key, "GET", "/v1/threads/" + thread + "/messages?limit=1", ""));
    }

    private static String id(String json) {
        return json.replaceFirst("(?s)^.*?\"id\": \"([^\"]+)\".*$", "$1");
    }
}
