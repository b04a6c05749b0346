// Formulas in a line are broken where they are long; a short one stays whole.
addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  for (const formula of document.querySelectorAll("mjx-container:not([display])")) {
    const parts = [...formula.querySelectorAll(":scope > svg")];
    const width = parts.reduce((sum, part) => sum + part.getBoundingClientRect().width, 0);
    if (parts.length > 1 && width < 190) formula.style.display = "inline-block";
  }
});
