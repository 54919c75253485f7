"use strict";
// The charts of the report: places that have nothing to show are hidden; one metric of the categories at a time.
(() => {
  const { labels, radar, categories, contrasts, published } = DATA.figures;

  function offerMetrics(figures) {
    const group = document.querySelector(".choices");
    if (!group || !figures.length) return;
    const choose = (wanted) => {
      for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.metric === wanted.name));
      charts.draw("categories", { ...wanted, title: "" });
    };
    for (const figure of figures) {
      const button = Object.assign(make("button", "", figure.title), { type: "button" });
      button.dataset.metric = figure.name;
      button.addEventListener("click", () => choose(figure));
      group.append(button);
    }
    choose(figures[0]);
  }

  for (const section of document.querySelectorAll("[data-needs]")) section.hidden = !DATA.figures[section.dataset.needs].length;
  labels.forEach((figure, place) => charts.draw(`labels-${place}`, figure));
  charts.draw("radar", radar);
  offerMetrics(categories);
  contrasts.forEach((figure, place) => charts.draw(`contrasts-${place}`, figure));
  published.forEach((figure, place) => charts.draw(`published-${place}`, figure));
  charts.follow();
})();

// The list of items: filters, pages of 50, and details built when opened. Text enters the page as text nodes only.
(() => {
  const PAGE = 50;
  const EXCERPT = 90;
  const { entries, names } = DATA;
  const $ = (id) => document.getElementById(id);
  const controls = { area: $("by-area"), category: $("by-category"), label: $("by-label"), text: $("by-text") };
  let found = entries;
  let page = 0;

  // Answers that are compared are as many as there are problems: they are filtered by right and wrong, but for choices.
  const compared = (entry) => entry.tone === "right" || entry.tone === "wrong";
  const letter = (entry) => compared(entry) && /^[A-Z]$/.test(entry.label);
  const kindOf = (entry) => (compared(entry) && !letter(entry) ? entry.tone : entry.label);
  const verdictOf = (entry) => (entry.unscored ? "unscored" : `${entry.task}:${kindOf(entry)}`);

  function verdictName(entry) {
    if (entry.unscored) return `未计分：${names.reasons[entry.unscored] ?? entry.unscored}`;
    if (compared(entry)) return `${entry.tone === "right" ? "答对" : "答错"}${letter(entry) ? `（选 ${entry.label}）` : ""}`;
    return names.labels[entry.task]?.[entry.label] ?? entry.label;
  }

  function fill(select, options) {
    const chosen = select.value;
    const all = new Option("全部 all", "");
    select.replaceChildren(all, ...options.map(([value, name, count]) => new Option(`${name} (${count})`, value)));
    select.value = options.some(([value]) => value === chosen) ? chosen : "";
    select.parentElement.hidden = !options.length;
  }

  function counted(list, keyOf, nameOf) {
    const counts = new Map();
    for (const entry of list) {
      const key = keyOf(entry);
      const known = counts.get(key);
      if (known) known[2] += 1;
      else counts.set(key, [key, nameOf(entry), 1]);
    }
    return [...counts.values()].filter(([key]) => key !== "");
  }

  const tasksOf = new Map();

  function labelName(entry) {
    if (entry.unscored) return "未计分 unscored";
    const task = names.tasks[entry.task] ?? entry.task;
    if (letter(entry)) return `${task}：${entry.label}`;
    const name = verdictName(entry);
    return tasksOf.get(name).size > 1 ? `${task}：${name}` : name;
  }

  function offer() {
    const byName = (a, b) => a[1].localeCompare(b[1], "zh");
    fill(controls.area, counted(entries, (e) => e.area, (e) => e.area).sort(byName));
    const inArea = entries.filter((e) => !controls.area.value || e.area === controls.area.value);
    fill(controls.category, counted(inArea, (e) => e.category, (e) => e.category).sort(byName));
    fill(controls.label, counted(entries, verdictOf, labelName));
  }

  function matches(entry, words) {
    if (!words.length) return true;
    const said = entry.messages.map(([, content]) => content);
    const text = [entry.id, entry.category, entry.answer, entry.thinking, entry.analysis, ...said].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  }

  function filter() {
    const words = controls.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = entries.filter(
      (entry) =>
        (!controls.area.value || entry.area === controls.area.value) &&
        (!controls.category.value || entry.category === controls.category.value) &&
        (!controls.label.value || verdictOf(entry) === controls.label.value) &&
        matches(entry, words),
    );
    page = 0;
    show();
  }

  const ROLES = { system: "系统 system", user: "用户 user", assistant: "模型 model" };

  const bubble = (role, name, text) => make("div", `turn ${role}`, make("p", "who", name), make("div", "said", text));

  function thinkingOf(entry) {
    if (!entry.thinking) return null;
    const summary = make("summary", "", `思考 thinking · ${names.shapes[entry.shape] ?? entry.shape} · ${entry.thinking.length} 字`);
    const [tone, label, analysis] = entry.thinking_verdict ?? [];
    if (label) summary.append(" ", make("span", `badge ${tone}`, label));
    return make("details", "thinking", summary, make("div", "said", entry.thinking), analysis ? make("p", "hint", analysis) : null);
  }

  function verdictBox(entry) {
    const facts = [`裁判 ${entry.judge}`, `编号 ${entry.id}`];
    for (const [judge, said] of entry.votes ?? []) facts.push(`${judge}：${names.labels[entry.task]?.[said] ?? names.reasons[said] ?? said}`);
    if (entry.finish) facts.push(`结束 ${entry.finish}`);
    if (entry.tokens) facts.push(`词元 ${entry.tokens[0]} → ${entry.tokens[1]}`);
    if (entry.shape) facts.push(names.shapes[entry.shape] ?? entry.shape);
    return make(
      "div",
      "verdict",
      make("p", "", badge(entry)),
      entry.analysis ? make("div", "said", entry.analysis) : null,
      make("p", "hint", facts.join(" · ")),
    );
  }

  const badge = (entry) => make("span", `badge ${entry.tone}`, verdictName(entry));

  function bodyOf(entry) {
    const turns = entry.messages.map(([role, content]) => bubble(role, ROLES[role] ?? role, content));
    const answer = entry.answer ? bubble("assistant reply", "回复 reply", entry.answer) : null;
    return make("div", "body", ...turns, thinkingOf(entry), answer, verdictBox(entry));
  }

  function excerptOf(text) {
    const line = text.slice(0, 4 * EXCERPT).replace(/\s+/g, " ");
    return line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line;
  }

  function lineOf(entry) {
    const marks = entry.category ? [entry.category] : [];
    if (entry.history) marks.push("有历史");
    if (entry.round > 1) marks.push(`第 ${entry.round} 轮`);
    if (entry.epoch) marks.push(`重复 ${entry.epoch + 1}`);
    const question = entry.messages.length ? entry.messages[entry.messages.length - 1][1] : "";
    const summary = make("summary", "", badge(entry), make("span", "topic", marks.join(" · ")), make("span", "excerpt", excerptOf(question)));
    if (entry.answer) summary.append(make("span", "excerpt answer", excerptOf(entry.answer)));
    const line = make("details", "entry", summary);
    line.addEventListener("toggle", () => line.children.length === 1 && line.append(bodyOf(entry)));
    return line;
  }

  function show() {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    $("entries").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(lineOf));
    $("found").textContent = `${found.length} / ${entries.length} 条 replies`;
    $("page").textContent = `${page + 1} / ${pages}`;
    $("previous").disabled = page === 0;
    $("next").disabled = page + 1 >= pages;
  }

  function turn(by) {
    page += by;
    show();
    $("items").scrollIntoView();
  }

  const defaults = { round: 1, epoch: 0 };
  entries.forEach((entry, place) => (entries[place] = { ...defaults, ...entry }));
  for (const entry of entries) {
    const name = verdictName(entry);
    tasksOf.set(name, (tasksOf.get(name) ?? new Set()).add(entry.task));
  }
  offer();
  controls.area.addEventListener("change", () => (offer(), filter()));
  controls.category.addEventListener("change", filter);
  controls.label.addEventListener("change", filter);
  let waiting;
  controls.text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 150);
  });
  const form = document.querySelector(".filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => (offer(), filter())));
  $("previous").addEventListener("click", () => turn(-1));
  $("next").addEventListener("click", () => turn(1));
  show();
})();
