// Python in a worker, so that the page stays alive while it computes.
import { loadPyodide } from "./python/pyodide.mjs";
import { wheels } from "./wheels.js";

const say = (message) => self.postMessage(message);

async function boot() {
  say({ progress: "Starting Python" });
  const python = await loadPyodide({ indexURL: new URL("./python/", self.location).href });
  say({ progress: "Loading SymPy, python-flint and exactflow" });
  const urls = wheels.map((name) => new URL(`./wheels/${name}`, self.location).href);
  await python.loadPackage(urls, { messageCallback: () => {}, checkIntegrity: false });
  const session = await (await fetch("./session.py")).text();
  python.FS.writeFile("session.py", session);
  say({ progress: "Importing exactflow" });
  const answer = python.runPython("import sys; sys.path.insert(0, '.'); import session; session.answer");
  say({ ready: true, examples: JSON.parse(python.runPython("import json; json.dumps(session.EXAMPLES)")) });
  return answer;
}

const booted = boot().catch((error) => {
  say({ failed: String(error) });
  throw error;
});

self.onmessage = async ({ data }) => {
  const answer = await booted;
  try {
    say({ answer: JSON.parse(answer(JSON.stringify(data))) });
  } catch (error) {
    const last = String(error).trim().split("\n").pop();
    say({ answer: { error: `this is a defect of exactflow, please report it: ${last}` } });
  }
};
