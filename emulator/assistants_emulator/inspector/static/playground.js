// The playground: a client of the API like any other. Messages and steps are rendered by the server.

const stage = document.getElementById("stage");
if (stage) start();
for (const form of document.querySelectorAll("[data-checks-json]")) form.addEventListener("submit", checkJson);

// The place of a mistake in a JSON text, and a sentence; null for good JSON. Browsers word it each in their own way.
function mistakeIn(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const [, at] = error.message.match(/position (\d+)/) || [];
    const [, row, column] = error.message.match(/line (\d+) column (\d+)/) || [];
    const lines = text.split("\n");
    const before = row ? lines.slice(0, row - 1).join("\n").length + (row > 1) + Number(column) - 1 : text.length;
    const place = at === undefined ? before : Number(at);
    const head = text.slice(0, place).split("\n");
    return { place, text: `no JSON at line ${head.length}, column ${head.at(-1).length + 1}` };
  }
}

function checkJson(event) {
  const problem = event.target.querySelector("[data-problem]");
  problem.hidden = true;
  for (const field of event.target.querySelectorAll("[data-json]")) {
    const mistake = field.value.trim() && mistakeIn(field.value);
    if (!mistake) continue;
    event.preventDefault();
    problem.textContent = `${field.labels[0].textContent.replace(", as JSON", "")}: ${mistake.text}.`;
    problem.hidden = false;
    const details = field.closest("details");
    if (details) details.open = true;
    field.focus();
    field.setSelectionRange(mistake.place, mistake.place + 1);
    return;
  }
}

function start() {
  const { api, key, base, assistant, tools } = stage.dataset;
  const at = (id) => document.getElementById(id);
  const [messages, steps, composer, say, files] = ["messages", "steps", "composer", "say", "files"].map(at);
  const [send, cancel, state, problem, attached] = ["send", "cancel", "state", "problem", "attached"].map(at);
  let thread = stage.dataset.thread;
  let run = stage.dataset.run;
  let chosen = [];

  const part = (...segments) => `${base}/${segments.map(encodeURIComponent).join("/")}?part=1`;
  const call = async (method, path, body) => {
    const headers = { Authorization: `Bearer ${key}`, "OpenAI-Beta": "assistants=v2" };
    const isForm = body instanceof FormData;
    if (body && !isForm) headers["Content-Type"] = "application/json";
    const answer = await fetch(api + path, { method, headers, body: body && !isForm ? JSON.stringify(body) : body });
    if (!answer.ok) {
      const refusal = await answer.json().catch(() => null);
      throw new Error(refusal?.error?.message || `${method} ${path} returned ${answer.status}`);
    }
    return answer;
  };
  const ask = async (...request) => (await call(...request)).json();

  function tell(error) {
    problem.textContent = error ? error.message : "";
    problem.hidden = !error;
  }

  // busy: nothing may be sent; waiting: the run asks for outputs
  function show(status) {
    const active = ["queued", "in_progress", "requires_action", "cancelling"].includes(status);
    send.disabled = active;
    cancel.hidden = !active || status === "cancelling";
    state.textContent = status === "requires_action" ? "Waiting for function call outputs"
      : active ? "Answering…" : !status || status === "completed" ? "" : status === "failed" ? "The run failed" : `The run is ${status.replaceAll("_", " ")}`;
  }

  function tellWhy() {
    const why = steps.querySelector("[data-why]")?.content.textContent.trim();
    if (why) tell(new Error(why));
  }

  // the messages scroll by themselves where there is room for that, else the page does
  const scrolls = () => getComputedStyle(messages).overflowY === "auto";
  const nearEnd = () => scrolls() ? messages.scrollTop + messages.clientHeight > messages.scrollHeight - 240
    : composer.getBoundingClientRect().top < innerHeight + 240;
  const toEnd = () => scrolls() ? messages.scrollTo({ top: messages.scrollHeight }) : composer.scrollIntoView({ block: "end" });

  async function fragment(url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error("The inspector could not load the update.");
    return new DOMParser().parseFromString(await answer.text(), "text/html").body;
  }

  async function showMessage(id) {
    const item = (await fragment(part("threads", thread, "messages", id))).querySelector("li");
    const follows = nearEnd();
    const old = messages.querySelector(`[data-key="${CSS.escape(id)}"]`);
    if (old) old.replaceWith(item);
    else messages.append(item);
    offerBranch(item);
    at("welcome").hidden = true;
    if (follows) toEnd();
  }

  let showing = null;
  let stale = false;
  let shownRun = run;
  async function showSteps() {
    if (showing) {
      stale = true;
      return showing;
    }
    showing = (async () => {
      do {
        stale = false;
        const body = await fragment(part("threads", thread, "runs", run));
        // region by region (page.js), so that an output that is being written stays
        const [old, fresh] = [steps, body].map((root) => root.querySelector("[data-region]"));
        if (old && shownRun === run) {
          steps.querySelector("[data-head]").replaceWith(body.querySelector("[data-head]"));
          updateRegion(old, fresh);
        } else {
          steps.replaceChildren(...body.childNodes);
          remember(steps);
        }
        shownRun = run;
        steps.scrollTop = steps.scrollHeight;
      } while (stale);
      showing = null;
    })();
    return showing;
  }

  async function* events(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      const frames = text.split("\n\n");
      text = frames.pop();
      for (const frame of frames) {
        const name = frame.match(/^event: (.*)$/m)?.[1];
        const data = frame.match(/^data: (.*)$/m)?.[1];
        if (name && data && name !== "done") yield [name, JSON.parse(data)];
      }
    }
  }

  function write(delta) {
    const place = messages.querySelector(`[data-writes="${CSS.escape(delta.id)}"]`);
    if (!place) return;
    const follows = nearEnd();
    for (const piece of delta.delta.content || []) place.textContent += piece.text?.value ?? piece.refusal ?? "";
    if (follows) toEnd();
  }

  async function follow(answer) {
    let status = "in_progress";
    for await (const [name, data] of events(answer)) {
      if (name === "error") throw new Error(data.error?.message || data.message || "The stream ended with an error.");
      if (name === "thread.message.created" || /^thread\.message\.(completed|incomplete)$/.test(name)) {
        await showMessage(data.id);
      } else if (name === "thread.message.delta") {
        write(data);
      } else if (/^thread\.run\.[a-z_]+$/.test(name) && data.object === "thread.run") {
        run = data.id;
        status = data.status;
        show(status);
        await showSteps();
      } else if (/^thread\.run\.step\.(created|completed|failed|cancelled|expired)$/.test(name)) {
        await showSteps();
      }
    }
    await settled(status);
  }

  async function settled(status) {
    await showSteps();
    show(status);
    tellWhy();
    const field = steps.querySelector("[data-call]");
    if (status === "requires_action" && field) {
      field.focus();
      field.scrollIntoView({ block: "center" });
    } else say.focus();
  }

  async function upload(file) {
    const form = new FormData();
    const isImage = /^image\/(png|jpeg|gif|webp)$/.test(file.type);
    form.append("purpose", isImage ? "vision" : "assistants");
    form.append("file", file, file.name);
    return { isImage, id: (await ask("POST", "/files", form)).id };
  }

  function message(text, uploaded) {
    const images = uploaded.filter((file) => file.isImage);
    const kinds = tools.split(" ").filter((kind) => kind === "file_search" || kind === "code_interpreter");
    const toolsOf = (kinds.length ? kinds : ["file_search"]).map((type) => ({ type }));
    const content = images.length
      ? [{ type: "text", text }, ...images.map(({ id }) => ({ type: "image_file", image_file: { file_id: id } }))]
      : text;
    const rest = uploaded.filter((file) => !file.isImage).map(({ id }) => ({ file_id: id, tools: toolsOf }));
    return { role: "user", content, ...(rest.length ? { attachments: rest } : {}) };
  }

  // A branch is a new thread, made by the server; its page begins the run, once.
  const BRANCHED = "branched";

  async function branch(message, text) {
    const body = new URLSearchParams({ assistant, thread, message, text });
    try {
      const answer = await fetch(`${base}/playground/branch`, { method: "POST", body });
      if (!answer.ok) throw new Error("The branch could not be made.");
      sessionStorage.setItem(BRANCHED, new URL(answer.url).searchParams.get("thread"));
      location.href = answer.url;
    } catch (error) {
      tell(error);
    }
  }

  function button(label, className, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = className;
    made.textContent = label;
    made.addEventListener("click", action);
    return made;
  }

  function edit(item) {
    const form = document.createElement("form");
    const field = document.createElement("textarea");
    const row = document.createElement("div");
    const send = button("Run from here", "", () => {});
    const close = () => form.replaceWith(...shown);
    const shown = [...item.querySelectorAll(":scope > .prose")];
    send.type = "submit";
    row.className = "row";
    row.append(send, button("Cancel", "plain", close));
    field.value = shown.map((text) => text.innerText).join("\n");
    field.rows = 3;
    field.required = true;
    field.setAttribute("aria-label", "Edit the message");
    form.className = "stack";
    form.append(field, row);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (field.value.trim()) branch(item.dataset.key, field.value);
    });
    shown[0].before(form);
    for (const text of shown) text.remove();
    field.focus();
  }

  function offerBranch(item) {
    const isUser = item.matches(".message-user");
    if (item.querySelector("[data-writes]") || (isUser && !item.querySelector(":scope > .prose"))) return;
    const label = isUser ? "Edit" : "Run again";
    const action = isUser ? () => item.querySelector("form") || edit(item) : () => branch(item.dataset.key, "");
    item.querySelector(".who").append(button(label, "plain again", action));
  }

  async function begin() {
    tell(null);
    show("queued");
    try {
      await follow(await call("POST", `/threads/${encodeURIComponent(thread)}/runs`, { assistant_id: assistant, stream: true }));
    } catch (error) {
      tell(error);
      await look();
    }
  }

  async function submit(text) {
    tell(null);
    show("queued");
    try {
      const uploaded = [];
      for (const file of chosen) uploaded.push(await upload(file));
      if (!thread) {
        thread = (await ask("POST", "/threads", {})).id;
        history.replaceState(null, "", `?${new URLSearchParams({ assistant, thread })}`);
      }
      const path = `/threads/${encodeURIComponent(thread)}`;
      const created = await ask("POST", `${path}/messages`, message(text, uploaded));
      say.value = "";
      choose([]);
      await showMessage(created.id);
      toEnd();
      await follow(await call("POST", `${path}/runs`, { assistant_id: assistant, stream: true }));
    } catch (error) {
      tell(error);
      await look();
    }
  }

  // What is sent only if it is submitted twice: an output that is empty, or begins as JSON and is none.
  function doubtOf(field) {
    const name = `The output of ${field.dataset.function}`;
    if (!field.value.trim()) return { place: 0, text: `${name} is empty. Submit it again to send it empty.` };
    const mistake = /^\s*[[{]/.test(field.value) && mistakeIn(field.value);
    return mistake ? { place: mistake.place, text: `${name} is ${mistake.text}. Submit it again to send it as it is.` } : null;
  }

  async function answer(form) {
    const outputs = [...form.querySelectorAll("[data-call]")];
    for (const field of outputs) {
      const doubt = field.dataset.sure === field.value ? null : doubtOf(field);
      if (!doubt) continue;
      field.dataset.sure = field.value;
      tell(new Error(doubt.text));
      field.focus();
      field.setSelectionRange(doubt.place, doubt.place + 1);
      return;
    }
    const body = { stream: true, tool_outputs: outputs.map((field) => ({ tool_call_id: field.dataset.call, output: field.value })) };
    form.querySelector("button").disabled = true;
    tell(null);
    const path = `/threads/${encodeURIComponent(form.dataset.thread)}/runs/${encodeURIComponent(form.dataset.run)}`;
    try {
      await follow(await call("POST", `${path}/submit_tool_outputs`, body));
    } catch (error) {
      tell(error);
      form.querySelector("button").disabled = false;
    }
  }

  // Show the run's state after an error, or when the page was opened in the middle of a run.
  async function look() {
    if (!thread || !run) return show("");
    try {
      const current = await ask("GET", `/threads/${encodeURIComponent(thread)}/runs/${encodeURIComponent(run)}`);
      show(current.status);
      await showSteps();
      if (["queued", "in_progress", "cancelling"].includes(current.status)) setTimeout(look, 1000);
    } catch {
      show("");
    }
  }

  function choose(list) {
    chosen = list;
    attached.replaceChildren(...chosen.map((file, index) => {
      const item = document.createElement("li");
      const remove = document.createElement("button");
      remove.type = "button";
      remove.className = "plain";
      remove.textContent = `${file.name} ×`;
      remove.setAttribute("aria-label", `Remove ${file.name}`);
      remove.addEventListener("click", () => choose(chosen.filter((_, other) => other !== index)));
      item.append(remove);
      return item;
    }));
    files.value = "";
  }

  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!send.disabled && say.value.trim()) submit(say.value.trim());
  });
  say.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      composer.requestSubmit();
    }
  });
  files.addEventListener("change", () => choose([...chosen, ...files.files]));
  steps.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-outputs]")) return;
    event.preventDefault();
    answer(event.target);
  });
  cancel.addEventListener("click", async () => {
    cancel.hidden = true;
    try {
      await ask("POST", `/threads/${encodeURIComponent(thread)}/runs/${encodeURIComponent(run)}/cancel`);
      await look();
    } catch (error) {
      tell(error);
    }
  });
  for (const offer of document.querySelectorAll("[data-say]")) {
    offer.addEventListener("click", () => send.disabled || submit(offer.dataset.say));
  }
  at("assistant")?.addEventListener("change", () => at("pick").requestSubmit());
  show(stage.dataset.status);
  tellWhy();
  for (const item of messages.children) offerBranch(item);
  if (thread) toEnd();
  if (thread && sessionStorage.getItem(BRANCHED) === thread) {
    sessionStorage.removeItem(BRANCHED);
    begin();
  }
  if (["queued", "in_progress", "cancelling"].includes(stage.dataset.status)) look();
}
