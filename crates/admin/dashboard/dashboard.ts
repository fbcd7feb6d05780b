// The dashboard: asks for the last hour of one object and the state of all servers, every few seconds, and shows both.
// All text from outside goes into the page as text, never as HTML.

interface Series { time: number[]; rate: number[]; sessions: number[]; errors: number[]; p50: Value[]; p95: Value[]; p99: Value[] }
interface Server { backend: string; name: string; status: string; weight: number; sessions: number; queued: number; check: string; address: string }
interface Recent { at: number; id: string; client: string; way: string; status: number; ending: string; decided: string; request: string }
interface Report { node: string; version: string; admin: boolean; token: string; objects: string[]; object: string; series: Series; servers: Server[]; recent: Recent[] }
type Value = number | null;

declare const uPlot: new (options: object, data: Value[][], target: HTMLElement) => Chart;
interface Chart { setData(data: Value[][]): void; setSize(size: { width: number; height: number }): void; destroy(): void }
interface Panel { title: string; unit: string; lines: { label: string; color: string; of: (series: Series) => Value[] }[]; chart?: Chart }

const EVERY = 5000;
const panels: Panel[] = [
  { title: "Requests", unit: "/s", lines: [{ label: "requests", color: "--blue", of: s => s.rate }] },
  { title: "Sessions", unit: "", lines: [{ label: "sessions", color: "--green", of: s => s.sessions }] },
  { title: "Errors", unit: "/s", lines: [{ label: "errors", color: "--red", of: s => s.errors }] },
  {
    title: "Latency", unit: "ms", lines: [
      { label: "median", color: "--green", of: s => s.p50 },
      { label: "95 %", color: "--blue", of: s => s.p95 },
      { label: "99 %", color: "--red", of: s => s.p99 },
    ],
  },
];

const picker = element<HTMLSelectElement>("object");
const dialog = element<HTMLDialogElement>("confirm");
let report: Report | undefined;

function element<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

function made<K extends keyof HTMLElementTagNameMap>(tag: K, text = "", kind = ""): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  node.textContent = text;
  if (kind) node.className = kind;
  return node;
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** `19:40`, with seconds where they matter; a time in seconds since 1970. */
function clock(time: number, seconds = false): string {
  return new Date(time * 1000).toTimeString().slice(0, seconds ? 8 : 5);
}

function draw(panel: Panel, series: Series): void {
  const data: Value[][] = [series.time, ...panel.lines.map(line => line.of(series))];
  const last = panel.lines.map(line => {
    const value = line.of(series).at(-1);
    const name = panel.lines.length > 1 ? `${line.label} ` : "";
    return `${name}${value === null || value === undefined ? "none" : Math.round(value * 10) / 10} ${panel.unit}`.trim();
  });
  const box = element(`chart-${panel.title}`);
  element(`now-${panel.title}`).textContent = last.join(", ");
  if (panel.chart) return panel.chart.setData(data);
  const axis = { stroke: color("--text"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
  panel.chart = new uPlot({
    width: box.clientWidth, height: 180, legend: { show: false }, cursor: { show: false },
    axes: [{ ...axis, values: (_: unknown, ticks: number[]) => ticks.map(tick => clock(tick)) }, { ...axis, size: 55 }], scales: { x: { range: (_: unknown, __: number, now: number) => [now - 3600, now] }, y: { range: (_: unknown, __: number, most: number) => [0, Math.max(most * 1.1, 1)] } },
    series: [{}, ...panel.lines.map(line => ({ label: line.label, stroke: color(line.color), width: 2, spanGaps: false }))],
  }, data, box);
}

function build(): void {
  for (const panel of panels) {
    const figure = made("figure");
    const caption = made("figcaption", `${panel.title} `);
    const now = made("span", "", "now");
    now.id = `now-${panel.title}`;
    caption.append(now);
    const box = made("div");
    box.id = `chart-${panel.title}`;
    box.setAttribute("role", "img");
    caption.id = `caption-${panel.title}`;
    box.setAttribute("aria-labelledby", caption.id);
    figure.append(caption, box);
    element("charts").append(figure);
  }
  const again = (): void => {
    for (const panel of panels) { panel.chart?.destroy(); panel.chart = undefined; }
    if (report) show(report);
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  addEventListener("resize", () => {
    for (const panel of panels) panel.chart?.setSize({ width: element(`chart-${panel.title}`).clientWidth, height: 180 });
  });
  picker.addEventListener("change", () => void load());
}

/** Rows are made anew only where what they say changed, so that the focus stays where it is. */
function fill(body: HTMLElement, rows: { key: string; make: () => HTMLTableRowElement }[]): void {
  const old = new Map([...body.children].map(row => [(row as HTMLElement).dataset.key, row]));
  const next = rows.map(({ key, make }) => {
    const known = old.get(key);
    if (known) return known;
    const row = make();
    row.dataset.key = key;
    return row;
  });
  if (next.length !== body.children.length || next.some((row, at) => row !== body.children[at])) {
    const held = (document.activeElement as HTMLElement | null)?.dataset.focus;
    body.replaceChildren(...next);
    if (held) body.querySelector<HTMLElement>(`[data-focus="${CSS.escape(held)}"]`)?.focus();
  }
}

function serverRow(server: Server, admin: boolean): HTMLTableRowElement {
  const row = made("tr");
  const state = server.status.split(" ")[0].toLowerCase();
  const name = made("th", `${server.backend}/${server.name}`);
  name.scope = "row";
  row.append(name, made("td", server.status, `state ${state}`), made("td", server.check || "not checked", "wraps"), made("td", server.address));
  for (const number of [server.weight, server.sessions, server.queued]) row.append(made("td", String(number), "number"));
  if (admin) {
    const cell = made("td");
    const stopped = ["drain", "maint"].includes(state);
    cell.append(button(server, stopped ? "ready" : "drain", stopped ? "Enable" : "Drain"));
    row.append(cell);
  }
  return row;
}

function button(server: Server, action: string, text: string): HTMLButtonElement {
  const node = made("button", text);
  node.type = "button";
  node.dataset.focus = `${server.backend}/${server.name}`;
  node.setAttribute("aria-label", `${text} ${server.backend}/${server.name}`);
  node.addEventListener("click", () => void ask(server, action, text));
  return node;
}

async function ask(server: Server, action: string, text: string): Promise<void> {
  element("question").textContent = `${text} ${server.backend}/${server.name}?`;
  element("consequence").textContent = action === "drain"
    ? "It gets no new clients; those who are bound to it stay." : "It takes part again.";
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise(done => dialog.addEventListener("close", done, { once: true }));
  if (dialog.returnValue !== "yes" || !report) return;
  const fields = new URLSearchParams({ token: report.token, b: server.backend, action, s: server.name });
  const answer = await fetch(location.pathname, { method: "POST", body: fields });
  say(answer.ok ? `${text}: done.` : `${text}: refused (${answer.status}).`);
  await load();
}

function recentRow(event: Recent): HTMLTableRowElement {
  const row = made("tr");
  const at = clock(event.at / 1e6, true);
  for (const text of [at, event.id, event.client, event.way, `${event.status} ${event.ending}`, event.decided, event.request]) {
    row.append(made("td", text));
  }
  return row;
}

function show(now: Report): void {
  report = now;
  element("about").textContent = `${now.node} ${now.version}`.trim();
  if (picker.options.length !== now.objects.length) {
    picker.replaceChildren(...now.objects.map(name => new Option(name, name, false, name === now.object)));
  }
  for (const panel of panels) draw(panel, now.series);
  element("actions").hidden = !now.admin;
  fill(element("servers"), now.servers.map(server => ({ key: JSON.stringify([server, now.admin]), make: () => serverRow(server, now.admin) })));
  fill(element("recent"), now.recent.map(event => ({ key: `${event.at} ${event.id}`, make: () => recentRow(event) })));
}

function say(text: string): void {
  element("status").textContent = text;
}

async function load(): Promise<void> {
  try {
    const answer = await fetch(`${location.pathname}?data=${encodeURIComponent(picker.value)}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.json() as Report);
    if (element("status").textContent?.startsWith("No answer")) say("");
  } catch (error) {
    say(`No answer (${error instanceof Error ? error.message : "lost"}); asking again.`);
  }
}

build();
void load();
setInterval(() => void load(), EVERY);
