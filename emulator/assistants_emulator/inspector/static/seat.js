// The seat of a person who plays the assistant: words are streamed as they are typed, each once a space follows it.

const acts = document.getElementById("acts");
let reply = null;

// The forms go while the run waits for outputs, and come back with them.
function look() {
  const current = document.getElementById("reply");
  if (current && current !== reply) start(current);
  reply = current;
}

if (acts) {
  new MutationObserver(look).observe(acts, { childList: true });
  look();
}

function start(reply) {
  const [text, stream, choice, problem, piece] = ["text", "stream", "live-choice", "typing-problem", "piece"].map((id) => document.getElementById(id));
  let offset = Number(document.getElementById("streamed-length").dataset.length);
  let unsent = "";
  let sending = null;
  choice.hidden = false;
  piece.hidden = true;

  const cites = () => reply.querySelector("[name^='cite:']:checked") !== null;

  function tell(message) {
    problem.textContent = message;
    problem.hidden = !message;
  }

  async function post(words) {
    const body = new URLSearchParams({ person: reply.dataset.me, offset, text: words });
    const answer = await fetch(reply.dataset.chunk, { method: "POST", body });
    const said = await answer.json().catch(() => ({ error: `The server answered ${answer.status}.` }));
    if (said.error) throw new Error(said.error);
    offset = said.offset;
  }

  // One request at a time, so that words arrive in their order; what is typed meanwhile goes with the next.
  async function send() {
    try {
      while (unsent) {
        const words = unsent;
        unsent = "";
        try {
          await post(words);
          tell("");
        } catch (error) {
          text.value = words + unsent + text.value;
          unsent = "";
          tell(error.message);
        }
      }
    } finally {
      sending = null;
    }
    refresh();
  }

  function typed(event) {
    if (!stream.checked || event.isComposing || cites() || text.selectionEnd !== text.value.length) return;
    const words = text.value.match(/^[^]*\s/)?.[0];
    if (!words) return;
    text.value = text.value.slice(words.length);
    unsent += words;
    sending ??= send();
  }

  text.addEventListener("input", typed);
  text.addEventListener("compositionend", typed);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      reply.requestSubmit(reply.querySelector("[value='say']"));
    }
  });
  reply.addEventListener("submit", (event) => {
    if (!sending) return;
    event.preventDefault(); // the last words first
    sending.then(() => reply.requestSubmit(event.submitter));
  });
  text.focus();
}
