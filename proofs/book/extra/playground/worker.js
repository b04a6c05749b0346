// Python in a worker, so that the page stays alive while it computes.
import { loadPyodide } from "./python/pyodide.mjs";

const MODULES = 780; // that are imported in all, nearly
const say = (message) => self.postMessage(message);
const progress = (share) => say({ progress: `${Math.floor(100 * share)} %` });

// What stands between the parts is how long they take, on the machine where this was written.
async function boot() {
  progress(0);
  const fetched = read("./site.zip", (share) => progress(0.2 * share));
  const python = await loadPyodide({ indexURL: new URL("./python/", self.location).href });
  const packed = await fetched;
  progress(0.45);
  python.unpackArchive(packed, "zip", { extractDir: python.runPython("import site; site.getsitepackages()[0]") });
  python.FS.writeFile("session.py", await (await fetch("./session.py")).text());
  self.imported = (count) => progress(Math.min(0.55 + (0.45 * count) / MODULES, 0.99));
  const answer = python.runPython(`
import js, sys
class Counter:
    def find_spec(self, name, path=None, target=None):
        if len(sys.modules) % 20 == 0:
            js.imported(len(sys.modules))
sys.meta_path.insert(0, Counter())
sys.path.insert(0, ".")
import session
del sys.meta_path[0]
session.answer`);
  say({ ready: true });
  return answer;
}

async function read(url, report) {
  const response = await fetch(url);
  const reader = response.body.getReader();
  const total = Number(response.headers.get("Content-Length"));
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts).arrayBuffer();
    parts.push(value);
    size += value.length;
    if (total) report(Math.min(size / total, 1));
  }
}

// Of a traceback the last exception, which has a line that starts with its class.
function lastCause(error) {
  const lines = String(error).trim().split("\n");
  return lines.findLast((line) => /^[\w.]*(Error|Exception|Interrupt)\b/.test(line)) ?? lines.at(-1);
}

const booted = boot().catch((error) => {
  say({ failed: lastCause(error) });
  throw error;
});

self.onmessage = async ({ data }) => {
  const answer = await booted;
  try {
    say({ answer: JSON.parse(answer(JSON.stringify(data))) });
  } catch (error) {
    say({ answer: { error: `this is a defect of exactflow, please report it: ${lastCause(error)}` } });
  }
};
