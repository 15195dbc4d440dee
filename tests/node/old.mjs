// Streams a run with openai 4.47.1 through toReadableStream(), as a web server that writes each chunk before it reads
// the next one. Prints the text that the chunks add up to.
import OpenAI from "openai-4.47";

const client = new OpenAI({ baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY });
const assistant = await client.beta.assistants.create({ model: "gpt-4o" });
const thread = await client.beta.threads.create({ messages: [{ role: "user", content: "one two three four" }] });
const stream = client.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id });

const decoder = new TextDecoder();
let lines = "";
for await (const chunk of stream.toReadableStream()) {
  lines += decoder.decode(chunk);
  await new Promise((written) => setImmediate(written));
}
const events = lines.trim().split("\n").map((line) => JSON.parse(line));
const deltas = events.filter((event) => event.event === "thread.message.delta");
console.log(deltas.map((event) => event.data.delta.content[0].text.value).join(""));
