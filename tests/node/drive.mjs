// Drives scripted runs, files, vector stores and streams by the openai npm package and the control API alone.
// Prints one JSON object of what it saw; tests/node/test_node.py says what that has to be.
import OpenAI, { toFile } from "openai";

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
    {
      when: { message: "favourite" },
      do: [
        { code_interpreter: { input: "1 + 1", logs: "2" } },
        { file_search: {} },
        { text: { value: "Cake.", citations: [{ file: "notes.txt", quote: "Filip likes cake" }] } },
      ],
    },
    { do: [{ text: { value: "One two three.", chunks: ["One ", "two ", "three."] } }] },
  ],
});

const assistant = await client.beta.assistants.create({
  model: "gpt-4o",
  name: "Node",
  tools: [{ type: "function", function: { name: "get_weather" } }],
});
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

const notes = await toFile(Buffer.from("Filip likes cake."), "notes.txt");
const file = await client.files.create({ file: notes, purpose: "assistants" });
const store = await client.vectorStores.create({ name: "Notes" });
const batch = await client.vectorStores.fileBatches.createAndPoll(store.id, { file_ids: [file.id] });
const found = [];
for await (const result of client.vectorStores.search(store.id, { query: "cake" })) found.push(result.filename);
const bytes = await client.files.create({ file: await toFile(Buffer.from("{}"), "a.jsonl"), purpose: "batch" });
const content = await (await client.files.content(bytes.id)).text();

const searcher = await client.beta.assistants.create({
  model: "gpt-4o",
  tools: [{ type: "file_search" }, { type: "code_interpreter" }],
  tool_resources: { file_search: { vector_store_ids: [store.id] } },
});
const searched = client.beta.threads.createAndRunStream({
  assistant_id: searcher.id,
  thread: { messages: [{ role: "user", content: "What is his favourite?" }] },
});
const [cited] = await searched.finalMessages();
const steps = await searched.finalRunSteps();
const calls = steps.slice(0, 2).map((step) => step.step_details.tool_calls[0].type);
const [annotation] = cited.content[0].text.annotations;

const weather = await client.beta.threads.create({ messages: [{ role: "user", content: "The weather in Rome?" }] });
const inner = [];
for await (const event of client.beta.threads.runs.stream(weather.id, { assistant_id: assistant.id })) {
  if (event.event !== "thread.run.requires_action") continue;
  const asked = event.data.required_action.submit_tool_outputs.tool_calls;
  const tool_outputs = asked.map((one) => ({ tool_call_id: one.id, output: "25 degrees" }));
  const options = { thread_id: weather.id, tool_outputs };
  const second = client.beta.threads.runs.submitToolOutputsStream(event.data.id, options);
  for await (const told of second) inner.push(told.event);
}
const pages = [];
for await (const message of client.beta.threads.messages.list(weather.id, { limit: 1 })) pages.push(message.role);
const gone = await client.vectorStores.delete(store.id);

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
    batch: [batch.status, batch.file_counts.completed],
    found,
    content,
    calls,
    logs: steps[0].step_details.tool_calls[0].code_interpreter.outputs[0].logs,
    cited: annotation.file_citation.file_id === file.id,
    inner: [inner[0], inner.at(-1)],
    pages,
    gone: gone.deleted,
    retried: again.id === thread.id,
    statuses: requests.data.slice(-2).map((request) => request.status),
  }),
);
