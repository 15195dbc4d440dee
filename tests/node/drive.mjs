// Drives a scripted run with a function call and a stream by the openai npm package and the control API alone.
// Prints one JSON object of what it saw; tests/node/test_node.py says what that has to be.
import OpenAI from "openai";

const base = process.env.OPENAI_BASE_URL;
const key = process.env.OPENAI_API_KEY;
const client = new OpenAI({ baseURL: base, apiKey: key });

async function control(method, name, body) {
  const answer = await fetch(new URL(`/_emulator/${name}`, base), {
    method,
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${name}: ${await answer.text()}`);
  return answer.json();
}

await control("POST", "reset", { seed: "node" });
await control("PUT", "script", {
  version: 1,
  replies: [
    {
      when: { message: "weather in (?P<city>\\w+)" },
      do: [
        { function_call: { name: "get_weather", arguments: { city: "{city}" } } },
        { text: "{city}: {outputs[0]}" },
      ],
    },
    { do: [{ text: { value: "One two three.", chunks: ["One ", "two ", "three."] } }] },
  ],
});

const assistant = await client.beta.assistants.create({ model: "gpt-4o", name: "Node" });
const thread = await client.beta.threads.create({
  messages: [{ role: "user", content: "What is the weather in Oslo?" }],
});

let run = await client.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
const [call] = run.required_action.submit_tool_outputs.tool_calls;
run = await client.beta.threads.runs.submitToolOutputsAndPoll(run.id, {
  thread_id: thread.id,
  tool_outputs: [{ tool_call_id: call.id, output: "18 degrees" }],
});
const answers = await client.beta.threads.messages.list(thread.id, { limit: 1 });

await client.beta.threads.messages.create(thread.id, { role: "user", content: "Count." });
const deltas = [];
const names = [];
const stream = client.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id });
stream.on("textDelta", (delta) => deltas.push(delta.value));
stream.on("event", (event) => names.push(event.event));
const [final] = await stream.finalMessages();

await control("POST", "faults", { route: "GET /threads/*", status: 429, times: 1 });
const again = await client.beta.threads.retrieve(thread.id);
const requests = await control("GET", "requests");

console.log(
  JSON.stringify({
    arguments: call.function.arguments,
    answer: answers.data[0].content[0].text.value,
    status: run.status,
    deltas,
    final: final.content[0].text.value,
    last: names.at(-1),
    retried: again.id === thread.id,
    statuses: requests.data.slice(-2).map((request) => request.status),
  }),
);
