// The statistics page and the dashboard in a real browser: they load, update, drain a server, say nothing on the console,
// and axe finds nothing wrong. Run by `cargo xtask browser`: WEIR is the program, CHROMIUM the browser, SCREENSHOTS
// (where given) the folder that pictures go to.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import http from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "weir-browser-"));
let weir, browser, origin, port, traffic;

async function freePort() {
  const server = createServer();
  await new Promise(done => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise(done => server.close(done));
  return port;
}

async function until(what, holds) {
  const deadline = Date.now() + 40_000;
  while (Date.now() < deadline) {
    if (await holds()) return;
    await new Promise(done => setTimeout(done, 100));
  }
  assert.fail(`never: ${what}`);
}

function admin(command) {
  return new Promise((done, failed) => {
    let text = "";
    const socket = connect(join(folder, "admin.sock"), () => socket.write(`${command}\n`));
    socket.on("data", data => (text += data)).on("end", () => done(text)).on("error", failed);
  });
}

async function state(server) {
  const line = (await admin("show stat")).split("\n").find(line => line.startsWith(`app,${server},`));
  return line.split(",")[17];
}

before(async () => {
  origin = http.createServer((request, response) => {
    response.statusCode = request.url === "/missing" ? 404 : 200;
    response.end("hello");
  });
  await new Promise(done => origin.listen(0, "127.0.0.1", done));
  port = await freePort();
  const server = `127.0.0.1:${origin.address().port}`;
  writeFileSync(join(folder, "weir.cfg"), `
    global
        stats socket ${folder}/admin.sock level admin
        node balancer-1
    defaults
        mode http
        timeout connect 5s
        timeout client 5s
        timeout server 5s
    frontend www
        bind 127.0.0.1:${port}
        stats enable
        stats uri /stats
        stats admin if { path_beg /stats } || { path /dashboard }
        http-request use-service dashboard if { path /dashboard } || { path /look }
        http-request deny if { path /secret }
        default_backend app
    backend app
        balance roundrobin
        option httpchk GET /
        server app1 ${server} check inter 500ms
        server app2 ${server} check inter 500ms
        server app3 127.0.0.1:1 check inter 500ms fall 1
`);
  weir = spawn(process.env.WEIR, ["-f", join(folder, "weir.cfg")], { stdio: "ignore" });
  await until("it answers", () => admin("show info").then(() => true, () => false));
  const agent = new http.Agent({ keepAlive: true });
  const paths = ["/", "/", "/", "/missing", "/secret"];
  let turn = 0;
  traffic = setInterval(() => http.get({ port, host: "127.0.0.1", path: paths[turn++ % paths.length], agent }, r => r.resume()).on("error", () => {}), 20);
  browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
});

after(async () => {
  clearInterval(traffic);
  await browser?.close();
  weir?.kill();
  origin?.close();
  origin?.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

/** A page, and what it said on the console. */
async function open(path, scheme = "light") {
  const page = await browser.newPage();
  const said = [];
  page.on("console", message => said.push(message.text()));
  page.on("pageerror", error => said.push(String(error)));
  page.on("requestfailed", request => said.push(`failed: ${request.url()}`));
  page.on("request", request => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.host !== `127.0.0.1:${port}`) said.push(`outside: ${url}`);
  });
  await page.setViewport({ width: 1200, height: 1000 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(`http://127.0.0.1:${port}${path}`);
  return { page, said };
}

async function accessible(page) {
  // Not as a script of the page, whose policy would have to allow it.
  const { violations } = await page.evaluate(`${axe}; axe.run()`);
  assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).slice(0, 3).join(" ")}`), []);
}

async function picture(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
}

test("the statistics page shows servers and drains one", async () => {
  const { page, said } = await open("/stats");
  assert.match(await page.title(), /Statistics Report/);
  await accessible(page);
  await picture(page, "stats");
  await page.click("input[name=s][value=app1]");
  await page.select("select[name=action]", "drain");
  await Promise.all([page.waitForNavigation(), page.click("input[type=submit]")]);
  assert.match(page.url(), /;st=DONE$/);
  assert.match(await state("app1"), /^DRAIN/);
  await admin("set server app/app1 state ready");
  assert.deepEqual(said, []);
  await page.close();
});

for (const scheme of ["light", "dark"]) {
  test(`the dashboard is accessible and draws its charts (${scheme})`, async () => {
    const { page, said } = await open("/dashboard", scheme);
    await page.waitForSelector("#servers tr:nth-child(3)");
    await until("charts have points", () => page.evaluate("report.series.time.length > 1"));
    await page.waitForSelector("#charts canvas");
    await page.waitForSelector("#recent tr");
    assert.equal(await page.$$eval("#charts canvas", all => all.length), 4);
    assert.match(await page.$eval("#servers", body => body.textContent), /app\/app3DOWN/);
    assert.match(await page.$eval("#recent", body => body.textContent), /weir\.cfg:\d+GET \/secret/);
    assert.match(await page.$eval("#now-Latency", span => span.textContent), /median [\d.]+ ms/);
    await accessible(page);
    await picture(page, `dashboard-${scheme}`);
    assert.deepEqual(said, []);
    await page.close();
  });
}

test("the dashboard drains and enables by keyboard, and asks before", async () => {
  const { page, said } = await open("/dashboard");
  await page.waitForSelector("[data-focus='app/app2']");
  const press = async answer => {
    await page.focus("[data-focus='app/app2']");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog[open]");
    await accessible(page);
    if (answer === "yes") await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog:not([open])");
  };
  await press("no");
  assert.match(await state("app2"), /^UP/);
  await press("yes");
  await until("it is drained", async () => /^DRAIN/.test(await state("app2")));
  await page.waitForSelector("[aria-label='Enable app/app2']");
  await press("yes");
  await until("it is back", async () => /^UP/.test(await state("app2")));
  assert.deepEqual(said, []);
  await page.close();
});

test("who may not change anything gets no buttons, and no token", async () => {
  const { page } = await open("/look");
  await page.waitForSelector("#servers tr");
  assert.equal(await page.$("#servers button"), null);
  const report = await (await fetch(`http://127.0.0.1:${port}/look?data=`)).json();
  assert.deepEqual([report.admin, report.token], [false, ""]);
  const form = "b=app&action=drain&s=app2&token=";
  for (const path of ["/look", "/dashboard"]) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body: form });
    assert.equal(answer.status, 403);
  }
  assert.match(await state("app2"), /^UP/);
  await page.close();
});
