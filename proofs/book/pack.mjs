// node pack.mjs PYODIDE SITE WHEEL..: what the playground imports, compiled by the Python that will run
// it, without tests and docstrings: a browser imports that in half the time that sources take.
import { writeFileSync } from "node:fs";

const [pyodide, site, ...wheels] = process.argv.slice(2);
const { loadPyodide } = await import(pyodide);
const python = await loadPyodide();
await python.loadPackage(wheels, { messageCallback: () => {}, checkIntegrity: false });
python.runPython(`
import ast, pathlib, shutil, site, zipfile
from importlib._bootstrap_external import _code_to_timestamp_pyc

WITH_DOCSTRINGS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
root = pathlib.Path(site.getsitepackages()[0])
for name in ("test", "tests", "benchmarks", "physics", "__pycache__"):
    for folder in [*root.rglob(name)]:
        shutil.rmtree(folder)
with zipfile.ZipFile("site.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for path in sorted(root.rglob("*")):
        if path.suffix != ".py":
            if path.is_file():
                archive.write(path, path.relative_to(root))
            continue
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, WITH_DOCSTRINGS) and ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
        code = compile(tree, str(path.relative_to(root)), "exec", dont_inherit=True)
        archive.writestr(f"{path.relative_to(root)}c", _code_to_timestamp_pyc(code))
`);
writeFileSync(site, python.FS.readFile("site.zip"));
