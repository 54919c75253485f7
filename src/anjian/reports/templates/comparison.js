"use strict";
// Comparisons: figures, and the items that flipped, built when opened. Text enters the page as text nodes only.
(() => {
  const { figures, flips, texts, models } = DATA;
  const EXCERPT = 80;

  for (const box of document.querySelectorAll("[data-needs]")) box.hidden = !figures[box.dataset.needs];
  for (const [place, figure] of Object.entries(figures)) charts.draw(place, figure);
  charts.follow();

  const stories = (suite, id, model) => texts[suite]?.[id]?.[model] ?? [];

  function excerptOf(text) {
    const line = text.slice(0, 4 * EXCERPT).replace(/\s+/g, " ");
    return line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line;
  }

  function counted(said, all) {
    const marks = [];
    if (said.item) marks.push(said.item);
    if (all.some((one) => (one.round ?? 1) > 1)) marks.push(`第 ${said.round ?? 1} 轮`);
    if (all.some((one) => one.epoch)) marks.push(`重复 ${(said.epoch ?? 0) + 1}`);
    return marks.join(" · ");
  }

  /** One model's reply, or a line that says there is none. */
  function replyOf(model, said) {
    const who = make("p", "who", models[Number(model)]);
    if (!said) return make("div", "turn reply", who, make("p", "hint", "没有原文 no text"));
    return make("div", "turn reply", who, make("span", `badge ${said.tone}`, said.label), make("div", "said", said.answer));
  }

  /** The rounds and repetitions of an item, both models side by side. */
  function bodyOf(suite, id, ends) {
    const [before, after] = ends.map((model) => stories(suite, id, model));
    const place = (one) => [one.item, one.epoch ?? 0, one.round ?? 1].join("/");
    const found = (side, one) => side.find((other) => place(other) === place(one));
    const longer = before.length < after.length ? after : before;
    const parts = longer.map((one) => {
      const title = ["用户 user", counted(one, longer)].filter(Boolean).join(" · ");
      const question = make("div", "turn user", make("p", "who", title), make("div", "said", one.question));
      return make("div", "round", question, make("div", "two", replyOf(ends[0], found(before, one)), replyOf(ends[1], found(after, one))));
    });
    return parts.length ? parts : [make("p", "hint", "没有原文 no text")];
  }

  function lineOf(suite, id, ends, way) {
    const first = stories(suite, id, ends[0])[0] ?? stories(suite, id, ends[1])[0];
    const sign = make("span", way, way === "better" ? "✓ 变好" : "✗ 变差");
    const line = make("details", "flip", make("summary", "", sign, make("span", "mono", id), excerptOf(first?.question ?? "")));
    line.addEventListener("toggle", () => line.children.length === 1 && line.append(...bodyOf(suite, id, ends)));
    return line;
  }

  for (const box of document.querySelectorAll(".flips")) {
    const { ends, changes } = flips[Number(box.dataset.contrast)];
    const { suite, better, worse } = changes[Number(box.dataset.change)];
    const fill = () => {
      if (box.querySelector(".flip")) return;
      box.append(...worse.map((id) => lineOf(suite, id, ends, "worse")), ...better.map((id) => lineOf(suite, id, ends, "better")));
    };
    box.addEventListener("toggle", fill);
  }
})();
