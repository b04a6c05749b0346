// The page of the playground: it asks the worker, and shows what it answers.
const MOST_BYTES = 4_000_000;
const at = (id) => document.getElementById(id);
const worker = new Worker("./worker.js", { type: "module" });
let steps = [];
let half = 0;
let busy = true;

worker.onmessage = ({ data }) => {
  if (data.progress) status(data.progress);
  if (data.failed) status(`Python could not start in this browser: ${data.failed}`, true);
  if (data.ready) ready(data.examples);
  if (data.answer) show(data.answer);
};
worker.onerror = (event) => status(`Python could not start: ${event.message ?? "no reason given"}`, true);

function status(text, bad = false) {
  at("status").textContent = text;
  at("status").classList.toggle("bad", bad);
}

function ready(examples) {
  at("examples").append(new Option("the matrix below", ""));
  for (const [name, text] of Object.entries(examples)) at("examples").append(new Option(name, text));
  at("examples").disabled = false;
  free(true);
  status("Ready.");
  followLink();
}

// A link has the matrix and the options: #matrix=1 2;3 4&orientation=flip
function followLink() {
  const link = new URLSearchParams(location.hash.slice(1));
  if (busy || !link.get("matrix")) return;
  at("matrix").value = link.get("matrix").replaceAll(";", "\n");
  const options = [...at("orientation").options].map((option) => option.value);
  at("orientation").value = options.includes(link.get("orientation")) ? link.get("orientation") : "error";
  ask({ text: at("matrix").value });
}
window.onhashchange = followLink;

// A button that is busy keeps the focus, which one that is disabled loses.
function free(free) {
  busy = !free;
  at("run").setAttribute("aria-disabled", busy);
}

function ask(request) {
  free(false);
  at("answer").hidden = at("checked").hidden = true;
  status("Computing ..");
  worker.postMessage({ orientation: at("orientation").value, ...request });
}

at("examples").onchange = ({ target }) => {
  if (!target.value || busy) return;
  at("matrix").value = target.value;
  ask({ text: target.value });
};
at("form").onsubmit = (event) => {
  event.preventDefault();
  if (busy) return;
  const text = at("matrix").value;
  const link = new URLSearchParams({ matrix: text.trim().replaceAll("\n", ";"), orientation: at("orientation").value });
  if (text.length < 2000) history.replaceState(null, "", `#${link}`);
  ask({ text });
};
at("matrix").onkeydown = (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("form").requestSubmit();
};
at("file").onchange = ({ target }) => {
  if (target.files.length && !busy) askFile(target.files[0]);
  target.value = "";
};
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length && !busy) askFile(event.dataTransfer.files[0]);
};

async function askFile(file) {
  if (file.size > MOST_BYTES) {
    at("answer").hidden = at("checked").hidden = true;
    const found = `${file.name} has ${file.size.toLocaleString("en")}`;
    status(`expected a file of at most 4,000,000 bytes in a browser; ${found}: use exactflow on your own machine`, true);
    return;
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let i = 0; i < bytes.length; i += 32768) binary += String.fromCharCode(...bytes.subarray(i, i + 32768));
  ask({ name: file.name, data: btoa(binary) });
}

function show(answer) {
  free(true);
  if (answer.error) return status(answer.error, true);
  const { word, lines } = answer.verdict;
  if (answer.kind === "check") {
    status(`The certificate was checked: its claim is ${word}.`, word !== "proved");
    at("lines").replaceChildren(...items(lines));
    at("checked").hidden = false;
    return;
  }
  status(word === "proved" ? "Done, and checked." : `Done, but the certificate's claim is ${word}.`, word !== "proved");
  at("sentence").textContent = answer.sentence;
  at("depth").textContent = answer.depth.sentence;
  at("reasons").replaceChildren(...items(answer.depth.reasons));
  at("proof").hidden = !answer.explanation;
  at("explanation").innerHTML = answer.explanation; // our own, every text in it is escaped
  at("verdict").replaceChildren(...items(lines));
  URL.revokeObjectURL(at("download").href);
  at("download").href = URL.createObjectURL(new Blob([answer.certificate], { type: "application/json" }));
  steps = answer.steps;
  half = answer.partition[0];
  at("target").replaceChildren(table(answer.target, false));
  at("position").max = steps.length - 1;
  go(0);
  at("answer").hidden = false;
}

function items(lines) {
  return lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  });
}

function go(k) {
  if (k < 0 || k >= steps.length) return;
  const step = steps[k];
  at("position").value = k;
  at("title").textContent = step.title;
  at("layer").replaceChildren(step.layer ? table(step.layer, true) : "none yet");
  at("made").replaceChildren(table(step.made, true));
  at("back").setAttribute("aria-disabled", k === 0);
  at("forward").setAttribute("aria-disabled", k === steps.length - 1);
}

at("back").onclick = () => go(Number(at("position").value) - 1);
at("forward").onclick = () => go(Number(at("position").value) + 1);
at("position").oninput = ({ target }) => go(Number(target.value));
at("position").setAttribute("aria-describedby", "title");

// Exact entries on a heat map: red positive, blue negative, deeper where larger.
function table(matrix, halves) {
  const table = document.createElement("table");
  matrix.text.forEach((row, i) => {
    const line = table.insertRow();
    if (halves && i === half) line.className = "top";
    row.forEach((text, j) => {
      const cell = line.insertCell();
      const tint = matrix.tint[i][j];
      cell.textContent = text;
      if (halves && j === half) cell.className = "left";
      const colour = tint > 0 ? "--plus" : "--minus";
      if (tint !== 0) cell.style.background = `rgba(var(${colour}), ${0.12 + 0.5 * Math.abs(tint)})`;
    });
  });
  return table;
}
