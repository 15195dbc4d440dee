// Drives responses and conversations by the openai npm package; prints one JSON object of what it saw.
import OpenAI from "openai";

const base = process.env.OPENAI_BASE_URL;
const key = process.env.OPENAI_API_KEY;
const client = new OpenAI({ baseURL: base, apiKey: key });
const call = { function_call: { name: "get_weather", arguments: { city: "Oslo" } } };
const replies = [{ when: { message: "weather" }, do: [call, { text: "It is {outputs[0]}." }] }, { do: [{ text: "Hello there." }] }];
const put = await fetch(new URL("/_emulator/script", base), {
  method: "PUT",
  headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
  body: JSON.stringify({ version: 1, replies }),
});
if (!put.ok) throw new Error(await put.text());

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const tools = [{ type: "function", name: "get_weather", parameters, strict: true }];
const model = "gpt-4o";
const conversation = (await client.conversations.create({ metadata: { from: "node" } })).id;
const first = await client.responses.create({ model, tools, conversation, input: "weather?" });
const output = { type: "function_call_output", call_id: first.output[0].call_id, output: "15 C" };
const second = await client.responses.create({ model, tools, conversation, input: [output] });
const stream = client.responses.stream({ model, input: "Hi", previous_response_id: undefined });
let deltas = "";
for await (const event of stream) if (event.type === "response.output_text.delta") deltas += event.delta;
const items = [];
for await (const item of client.conversations.items.list(conversation, { order: "asc" })) items.push(item.type);
const error = await client.responses.retrieve("resp_x").catch((caught) => caught.message);
console.log(JSON.stringify({ text: second.output_text, deltas, final: (await stream.finalResponse()).output_text, items, error }));
