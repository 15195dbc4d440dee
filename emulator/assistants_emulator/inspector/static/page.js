// On every page: regions that follow the emulator, copy buttons, footnotes that open their passage.
"use strict";

// Replace only changed elements of the regions: a form that is being filled in stays as it is.
const served = new WeakMap();

function remember(root) {
  for (const child of root.querySelectorAll("[data-region] > [data-key]")) served.set(child, child.outerHTML);
}

function restoreOpen(old, fresh) {
  const before = old.querySelectorAll("details");
  fresh.querySelectorAll("details").forEach((details, index) => {
    if (before[index] && before[index].open) details.open = true;
  });
}

function updateRegion(region, fresh) {
  const byKey = new Map([...region.children].map((child) => [child.dataset.key, child]));
  const children = [...fresh.children];
  let at = region.firstElementChild;
  for (const child of children) {
    const html = child.outerHTML;
    const old = byKey.get(child.dataset.key);
    byKey.delete(child.dataset.key);
    let current = old;
    if (!old || served.get(old) !== html) {
      current = document.importNode(child, true);
      served.set(current, html);
      addCopyButtons(current);
      if (old) {
        restoreOpen(old, current);
        if (at === old) at = current;
        old.replaceWith(current);
      }
    }
    if (current !== at) region.insertBefore(current, at);
    else at = at.nextElementSibling;
  }
  for (const gone of byKey.values()) gone.remove();
}

const writing = new Map(); // message id -> the text streamed so far

function showWriting() {
  for (const place of document.querySelectorAll("[data-writes]")) {
    const text = writing.get(place.dataset.writes);
    if (text !== undefined) place.textContent = text;
  }
}

let refreshing = false;
let again = false;

async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      setNow(page.body.dataset.now);
      for (const region of document.querySelectorAll("[data-region]")) {
        const fresh = page.getElementById(region.id);
        if (fresh) updateRegion(region, fresh);
      }
      showWriting();
    }
    if (document.body.dataset.poll) showLive(answer.ok);
  } catch {
    if (document.body.dataset.poll) showLive(false); // else the stream says that the emulator is gone
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  refreshing = false;
  if (again) {
    again = false;
    refresh();
  }
}

function showLive(isLive) {
  const sign = document.getElementById("live");
  const text = isLive ? "live" : "disconnected";
  sign.hidden = false;
  sign.classList.toggle("off", !isLive);
  if (sign.textContent !== text) sign.textContent = text;
}

function follow(url) {
  const source = new EventSource(url);
  source.addEventListener("open", () => {
    showLive(true);
    refresh(); // what happened since the page was made, or while the stream was lost
  });
  source.addEventListener("error", () => {
    showLive(false);
  });
  source.addEventListener("change", refresh);
  source.addEventListener("delta", (event) => {
    const delta = JSON.parse(event.data);
    writing.set(delta.message_id, (writing.get(delta.message_id) || "") + delta.text);
    showWriting();
  });
}

function openFootnote() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.matches("details")) target.open = true;
  const inside = target.querySelector(":scope > details");
  if (inside) {
    inside.open = true;
    inside.querySelector("summary").focus({ preventScroll: true });
  }
}

// On a phone the pages' list scrolls sideways. Not by scrollIntoView, which moves where the Tab key begins.
function showCurrent() {
  const current = document.querySelector(".side [aria-current]");
  if (!current) return;
  const side = current.closest(".side");
  const [link, list] = [current, side].map((element) => element.getBoundingClientRect());
  side.scrollLeft += link.left + link.width / 2 - (list.left + list.width / 2);
}

// Times: relative to the project's clock, which a test may have stopped, or to the machine's. The title has the instant.
const UNITS = [[60, "second"], [3600, "minute"], [86400, "hour"], [7 * 86400, "day"], [30 * 86400, "week"], [365 * 86400, "month"], [Infinity, "year"]];
const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86400, week: 7 * 86400, month: 30 * 86400, year: 365 * 86400 };
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
let projectNow = Date.now() / 1000;
let nowRead = performance.now();

function setNow(seconds) {
  if (!seconds) return;
  projectNow = Number(seconds);
  nowRead = performance.now();
}

function ago(seconds) {
  if (Math.abs(seconds) < 1) return "now";
  const unit = UNITS.find(([below]) => Math.abs(seconds) < below)[1];
  return relative.format(Math.trunc(seconds / SECONDS[unit]), unit);
}

function showTimes(root) {
  const elapsed = (performance.now() - nowRead) / 1000;
  for (const time of root.querySelectorAll("time[data-ago]")) {
    const at = Date.parse(time.dateTime) / 1000;
    if (Number.isNaN(at)) continue;
    const isReal = time.dataset.ago === "real";
    const text = ago(at - (isReal ? Date.now() / 1000 : projectNow + (document.body.dataset.clock === "system" ? elapsed : 0)));
    if (time.textContent !== text) time.textContent = text;
  }
}

// Keys: one letter for the search, two for a page. They can be switched off, for those who speak to their machine.
const PLACES = { o: "", p: "playground", y: "play", t: "threads", r: "runs", a: "assistants", f: "files", v: "vector_stores", e: "responses", c: "conversations", q: "requests", k: "controls" };
const KEYS_OFF = "assistants-emulator-keys-off";
let isGoing = false;

function keysAreOn() {
  return localStorage.getItem(KEYS_OFF) === null;
}

function openHelp() {
  const help = document.getElementById("help");
  if (!help.open) help.showModal();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !keysAreOn()) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
  const base = document.body.dataset.base;
  const place = isGoing && base ? PLACES[event.key] : undefined;
  isGoing = event.key === "g";
  if (place !== undefined) {
    location.href = place ? `${base}/${place}` : base;
  } else if (event.key === "/") {
    const fields = [...document.querySelectorAll("[data-search]")];
    fields.sort((a, b) => b.dataset.search - a.dataset.search)[0]?.focus();
  } else if (event.key === "?") {
    openHelp();
  } else if (event.key === "[" || event.key === "]") {
    document.querySelector(event.key === "[" ? "a[rel=prev]" : "a[rel=next]")?.click();
    return;
  } else {
    return;
  }
  event.preventDefault();
}

function prepareHelp() {
  const button = document.getElementById("help-button");
  const isOn = document.getElementById("shortcuts");
  button.hidden = false;
  button.addEventListener("click", openHelp);
  isOn.checked = keysAreOn();
  isOn.addEventListener("change", () => (isOn.checked ? localStorage.removeItem(KEYS_OFF) : localStorage.setItem(KEYS_OFF, "1")));
}

// A button copies an element's text; a link with `data-copy-from` the text that it leads to.
async function copyText(button, text, select) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = select(); // no clipboard without https
  }
  setTimeout(() => (button.textContent = label), 1500);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    const source = document.getElementById(button.dataset.copy);
    await copyText(button, source.textContent, () => {
      getSelection().selectAllChildren(source);
      return "Selected";
    });
    return;
  }
  const link = event.target.closest("[data-copy-from]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const answer = await fetch(link.href);
  if (!answer.ok) {
    location.href = link.href;
    return;
  }
  await copyText(link, await answer.text(), () => {
    location.href = link.href;
    return "Opening";
  });
});

// Code, JSON, arguments, outputs and ids get a button that copies them.
const copied = new WeakMap();

function addCopyButtons(root) {
  for (const source of root.querySelectorAll("pre, .facts dd > code")) {
    if (source.closest(".copyable") || source.dataset.key || copied.has(source)) continue;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "copy", textContent: "Copy" });
    if (source.matches("pre")) {
      const box = document.createElement("div");
      box.className = "copyable";
      source.replaceWith(box);
      box.append(source, button);
    } else source.after(" ", button);
    copied.set(source, button).set(button, source);
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  const source = button && copied.get(button);
  if (!source) return;
  await copyText(button, source.textContent, () => {
    getSelection().selectAllChildren(source);
    return "Selected";
  });
});

// A state file is posted as it is: it may be large.
document.addEventListener("change", async (event) => {
  const chooser = event.target.closest("[data-state]");
  if (!chooser || !chooser.files.length) return;
  const problem = document.getElementById("state-error");
  const answer = await fetch(chooser.dataset.state, { method: "POST", body: chooser.files[0] });
  const { error } = await answer.json().catch(() => ({ error: "The state could not be loaded." }));
  chooser.value = "";
  problem.textContent = error ? `Nothing was changed: ${error}` : "";
  problem.hidden = !error;
  if (!error) location.reload();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (!button) return;
  const field = document.getElementById(button.dataset.fill);
  field.value = button.dataset.text;
  field.focus();
});

function showMistake() {
  const text = document.querySelector("textarea[data-line]");
  const line = Number(text?.dataset.line || 0);
  if (!line) return;
  const starts = [0, ...[...text.value.matchAll(/\n/g)].map((match) => match.index + 1)];
  text.focus();
  text.setSelectionRange(starts[line - 1] ?? 0, (starts[line] ?? text.value.length + 1) - 1);
}

showCurrent();
showMistake();
for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;
remember(document);
addCopyButtons(document);
setNow(document.body.dataset.now);
showTimes(document);
setInterval(() => showTimes(document), 1000);
new MutationObserver(() => showTimes(document)).observe(document.getElementById("main"), { childList: true, subtree: true });
prepareHelp();
addEventListener("keydown", pressed);
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
addEventListener("hashchange", openFootnote);
openFootnote();
if (document.body.dataset.live) follow(document.body.dataset.live);
if (document.body.dataset.poll) {
  showLive(true);
  setInterval(() => document.hidden || refresh(), Number(document.body.dataset.poll));
}
