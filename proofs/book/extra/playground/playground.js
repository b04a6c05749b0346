// The page of the playground: it shows answers, those that it has and those that the worker computes.
const MOST_BYTES = 4_000_000;
const at = (id) => document.getElementById(id);
const computed = JSON.parse(at("computed").textContent);
const worker = new Worker("./worker.js", { type: "module" });
let answer = null; // what is shown, with the text and the option it was asked for
let asked = null;
let chosen = 0; // a factor, the first is 1; 0 is the matrix

worker.onmessage = ({ data }) => {
  if (data.progress) status(`Python starts in your browser: ${data.progress}.${computedBefore()}`);
  if (data.failed) failed(`Python could not start in this browser: ${data.failed}`);
  if (data.ready && !asked) status("Ready.");
  if (data.answer) receive(data.answer);
};
worker.onerror = (event) => failed(`Python could not start: ${event.message ?? "no reason given"}`);

function computedBefore() {
  return asked ? " Then it computes." : " What is shown was computed before.";
}

function status(text, bad = false) {
  at("status").textContent = text;
  at("status").classList.toggle("bad", bad);
}

function failed(text) {
  free();
  status(text, true);
}

// A button that is busy keeps the focus, which one that is disabled loses.
function free() {
  asked = null;
  at("run").setAttribute("aria-disabled", false);
  at("playground").classList.remove("busy");
}

function ask(request) {
  asked = { orientation: at("orientation").value, ...request };
  at("run").setAttribute("aria-disabled", true);
  const known = asked.orientation === "flip" && computed.answers[asked.text?.trim()];
  if (known) return receive(known);
  at("playground").classList.add("busy");
  status("Computing ..");
  worker.postMessage(asked);
}

// A link has the matrix, and the option if it is not the first: #matrix=1 2;3 4&orientation=pad
function linkTo({ text, orientation }) {
  const parts = { matrix: text.trim().replaceAll("\n", ";"), ...(orientation === "pad" && { orientation }) };
  return `#${new URLSearchParams(parts)}`;
}

function followLink() {
  const link = new URLSearchParams(location.hash.slice(1));
  if (asked || !link.get("matrix")) return false;
  at("matrix").value = link.get("matrix").replaceAll(";", "\n");
  at("orientation").value = link.get("orientation") === "pad" ? "pad" : "flip";
  ask({ text: at("matrix").value });
  return true;
}
window.onhashchange = followLink;

at("form").onsubmit = (event) => {
  event.preventDefault();
  if (!asked) ask({ text: at("matrix").value });
};
at("matrix").onkeydown = (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("form").requestSubmit();
};
at("file").onchange = ({ target }) => {
  if (target.files.length && !asked) askFile(target.files[0]);
  target.value = "";
};
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length && !asked) askFile(event.dataTransfer.files[0]);
};

async function askFile(file) {
  if (file.size > MOST_BYTES) {
    const found = `${file.name} has ${file.size.toLocaleString("en")}`;
    refuse(`expected a file of at most 4,000,000 bytes in a browser; ${found}: use exactflow on your own machine`);
    return;
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (let i = 0; i < bytes.length; i += 32768) binary += String.fromCharCode(...bytes.subarray(i, i + 32768));
  ask({ name: file.name, data: btoa(binary) });
}

function refuse(text) {
  at("answer").hidden = at("shown").hidden = at("checked").hidden = true;
  status(text, true);
}

function receive(received) {
  const request = asked;
  free();
  for (const chip of at("chips").children) chip.setAttribute("aria-pressed", chip.value === request.text?.trim());
  if (received.error) return refuse(received.error);
  const { word, lines } = received.verdict;
  at("checked").hidden = received.kind !== "check";
  at("answer").hidden = at("shown").hidden = received.kind === "check";
  if (received.kind === "check") {
    status(`The certificate was checked: its claim is ${word}.`, word !== "proved");
    at("lines").replaceChildren(...items(lines));
    return;
  }
  status(word === "proved" ? "Done, and checked." : `Done, but the certificate's claim is ${word}.`, word !== "proved");
  answer = received;
  show(request);
  if (!at("form").contains(document.activeElement)) return;
  at("headline").scrollIntoView({ block: "nearest" });
  if (!at("link").hidden) history.replaceState(null, "", at("link").href);
}

function show(request) {
  at("copied").textContent = "";
  at("headline").textContent = answer.headline;
  at("notes").textContent = answer.notes.join(" ");
  at("scale").textContent = answer.scale;
  at("why").hidden = !answer.why;
  at("question").textContent = answer.why?.question;
  at("reasons").replaceChildren(...items(answer.why?.reasons ?? []));
  at("legend").textContent = answer.why?.legend;
  at("python").textContent = answer.python;
  at("python").hidden = !answer.python;
  at("proofs").replaceChildren(...Object.entries(answer.proofs).map(folded));
  at("word").textContent = `checker.py, which needs only Python, on the certificate: ${answer.verdict.word}`;
  at("verdict").replaceChildren(...items(answer.verdict.lines));
  URL.revokeObjectURL(at("download").href);
  at("download").href = URL.createObjectURL(new Blob([answer.certificate], { type: "application/json" }));
  const isShort = request.text?.length < 2000;
  at("link").hidden = !isShort;
  at("copy-link").hidden = !isShort || !navigator.clipboard;
  if (isShort) at("link").href = linkTo(request);
  const cells = answer.factors.map((factor, i) => figure(i + 1, factor.matrix, factor.name)).reverse();
  at("strip").replaceChildren(figure(0, answer.matrix, "your matrix"), ...(cells.length ? ["=", ...cells] : []));
  at("how").hidden = !cells.length;
  choose(0);
}

function items(lines) {
  return lines.map((line) => Object.assign(document.createElement("li"), { textContent: line }));
}

function folded([title, html]) {
  const details = document.createElement("details");
  details.innerHTML = `<summary></summary><div class="proof">${html}</div>`; // our own, its texts are escaped
  details.firstChild.textContent = title;
  return details;
}

function figure(k, matrix, name) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  figure.dataset.k = k;
  figure.append(table(matrix, answer.written), caption);
  if (k === 0) {
    caption.textContent = name;
  } else {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    caption.append(button);
  }
  figure.onclick = () => choose(k === chosen ? 0 : k);
  return figure;
}

// Choose a factor: the product up to it takes the place of the matrix. All of them are the matrix.
function choose(k) {
  if (k < 0 || k > answer.factors.length) return;
  chosen = k;
  for (const figure of at("strip").querySelectorAll("figure[data-k]")) {
    const own = Number(figure.dataset.k);
    figure.classList.toggle("on", own === k && k > 0);
    figure.classList.toggle("later", k > 0 && own > k);
    figure.querySelector("button")?.setAttribute("aria-pressed", own === k);
  }
  const factor = answer.factors[k - 1];
  const first = at("strip").firstChild;
  const product = factor ? `up to ${factor.name}` : "your matrix";
  first.replaceChild(table(factor?.made ?? answer.matrix, answer.written), first.firstChild);
  first.lastChild.textContent = product;
  at("entries").hidden = answer.written;
  at("entries").firstChild.textContent = factor ? `Entries of ${factor.name}, and of the product so far` : "Entries of your matrix";
  at("entries").lastChild.replaceChildren(...(factor ? [table(factor.matrix, true), table(factor.made, true)] : [table(answer.matrix, true)]));
}

at("strip").onkeydown = (event) => {
  const step = { ArrowLeft: 1, ArrowRight: -1 }[event.key];
  if (!step || !answer.factors.length) return;
  event.preventDefault();
  choose(Math.min(Math.max(chosen + step, 1), answer.factors.length));
  at("strip").querySelector(`[data-k="${chosen}"] button`).focus();
};

// Exact entries on a heat map, zeros blank.
function table(matrix, written) {
  const table = document.createElement("table");
  table.className = "entries";
  matrix.text.forEach((row, i) => {
    const line = table.insertRow();
    if (i === answer.half) line.className = "top";
    row.forEach((text, j) => {
      const cell = line.insertCell();
      const tint = matrix.tint[i][j];
      if (j === answer.half) cell.className = "left";
      if (tint === 0) return;
      if (written) cell.textContent = text;
      else cell.title = text.slice(0, 200);
      const colour = tint > 0 ? "--plus" : "--minus";
      cell.style.background = `color-mix(in srgb, var(${colour}) ${Math.round(70 * Math.abs(tint))}%, transparent)`;
    });
  });
  return table;
}

async function copy(text) {
  await navigator.clipboard.writeText(text);
  at("copied").textContent = "Copied.";
}
at("copy-certificate").hidden = !navigator.clipboard;
at("copy-certificate").onclick = () => copy(answer.certificate);
at("copy-link").onclick = () => copy(at("link").href);

for (const [name, text] of Object.entries(computed.examples)) {
  const chip = Object.assign(document.createElement("button"), { type: "button", textContent: name, value: text });
  chip.onclick = () => {
    if (asked) return;
    at("matrix").value = text;
    at("orientation").value = "flip";
    ask({ text });
  };
  at("chips").append(chip);
}
if (!followLink()) {
  [at("matrix").value] = Object.values(computed.examples);
  ask({ text: at("matrix").value });
  status("Python starts in your browser. What is shown was computed before.");
}
