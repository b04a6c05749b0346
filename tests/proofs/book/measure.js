// What reaches beyond the box that clips or scrolls it, as [kind, description, is it marked]: marked
// is what shows a scrollbar and keeps its column of verdicts in view. What is folded is unfolded
// before; what stands in a table or a formula belongs to that.
async () => {
  await window.MathJax?.startup?.promise;
  document.querySelectorAll("details").forEach((folded) => { folded.open = true; });
  const kinds = {
    table: "table",
    formula: "mjx-container, math, .math",
    picture: "img, svg",
    output: ".cell_output pre",
    code: "pre",
  };
  const root = document.documentElement;
  const found = [];
  if (root.scrollWidth > root.clientWidth + 1) {
    found.push(["page", `the page itself, by ${root.scrollWidth - root.clientWidth} px`, false]);
  }
  for (const element of document.querySelectorAll(Object.values(kinds).join(", "))) {
    const inside = element.parentElement.closest("table, mjx-container, .math, pre");
    if (inside || !element.getClientRects().length) continue;
    let box = element;
    while (box !== root && getComputedStyle(box).overflowX === "visible") box = box.parentElement;
    const edge = box === root
      ? root.clientWidth
      : box.getBoundingClientRect().left + box.clientLeft + box.clientWidth;
    const parts = [...(box === element ? [] : [element]), ...element.querySelectorAll("svg")];
    const ends = parts.map((part) => part.getBoundingClientRect().right + box.scrollLeft - edge);
    const over = Math.max(box === element ? box.scrollWidth - box.clientWidth : 0, ...ends);
    if (over <= 1) continue;
    const kind = Object.keys(kinds).find((name) => element.matches(kinds[name]));
    const heads = [...element.querySelectorAll("th")].filter((th) => th.textContent === "verdict");
    const kept = heads.every((head) => head.getBoundingClientRect().right <= edge + 1);
    const text = element.textContent.trim().replace(/\s+/g, " ").slice(0, 60);
    const marked = box.offsetHeight - box.clientHeight > 2 && kept;
    found.push([kind, `${kind}, ${Math.round(over)} px: ${text || element.src || ""}`, marked]);
  }
  return found;
}
