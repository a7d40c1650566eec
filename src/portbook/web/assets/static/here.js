// This machine: the token of a server that runs as root, what listens on the port of a page, and
// the list of everything, both live. Names of processes are put in as text, never as markup.
"use strict";
(() => {
  // -- the token: taken from the address that was printed, kept for this tab, shown nowhere --
  const HELD = "portbook-token";
  const page = new URL(location.href);
  const home = new URL(`${document.documentElement.dataset.root}here`, page);
  const refused = document.querySelector('[data-status="401"]') !== null;
  let token = page.searchParams.get("token");
  let over = false; // the server has another token by now: asking again would be answered alike
  const forget = () => { token = null; try { sessionStorage.removeItem(HELD); } catch { /* not kept */ } };
  // For what can't send a header: links and event streams.
  const signed = (address) => {
    const to = new URL(address, page);
    if (token) to.searchParams.set("token", token);
    return to.href;
  };
  const sign = (within) => {
    for (const link of within.querySelectorAll("a[href]")) {
      const to = new URL(link.href);
      const below = to.href.startsWith(home.href) && to.pathname.slice(home.pathname.length);
      if (below === "" || /^[./]/.test(below)) link.href = signed(link.href);
    }
  };
  // An answer that never comes would keep every later look waiting.
  const PATIENCE = 20000; // milliseconds
  const ask = (address, accept) => locked() ? Promise.resolve({ ok: false, status: 401 }) : fetch(address, { cache: "no-store", credentials: "omit",
    signal: AbortSignal.timeout(PATIENCE),
    headers: token ? { accept, authorization: `Bearer ${token}` } : { accept } });
  if (token && refused) forget();
  else try {
    if (token) {
      sessionStorage.setItem(HELD, token);
      page.searchParams.delete("token");
      history.replaceState(history.state, "", page.href);
    } else token = sessionStorage.getItem(HELD);
  } catch { /* a browser that keeps nothing: the address goes on holding it */ }
  // Whoever has no token is told so at once: asking would only be refused.
  const locked = () => "token" in document.documentElement.dataset && !token;
  // A page that was loaded anew has lost what was taken out of its address.
  if (refused && token) { location.replace(signed(page.href)); return; }
  sign(document);

  // -- small things --
  const put = (parent, tag, text, name) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (name) made.className = name;
    parent.append(made);
    return made;
  };
  // Text of processes may hold what changes the direction or the look of a line.
  const plain = (text) => String(text).replace(/[\p{C}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);
  // One look at a time; what happens during it leads to one more.
  const once = (look) => {
    let busy = false;
    let again = false;
    const run = async () => {
      if (busy) { again = true; return; }
      busy = true;
      await look();
      busy = false;
      if (again) { again = false; run(); }
    };
    return run;
  };
  // The stream is open while somebody looks: browsers open six connections to a server, not more,
  // and tabs in the background would hold them all.
  // A connection can die without a word: what stands on the page is read again after a minute in
  // which nothing came.
  const SILENCE = 60000; // milliseconds
  const follow = (address, told, lost) => {
    let events = null;
    let wait = 0;
    let heard = Date.now();
    const hear = (event) => { heard = Date.now(); told(event); };
    setInterval(() => {
      if (!events || Date.now() - heard < SILENCE) return;
      heard = Date.now();
      lost();
    }, SILENCE / 4);
    const open = () => {
      clearTimeout(wait);
      if (events || over || locked() || document.hidden) return;
      events = new EventSource(signed(address));
      for (const name of ["state", "opened", "closed", "changed"]) events.addEventListener(name, hear);
      events.addEventListener("error", () => {
        if (events?.readyState === EventSource.CLOSED) { close(); wait = setTimeout(open, 5000); }
        lost();
      });
    };
    const close = () => { clearTimeout(wait); events?.close(); events = null; };
    document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
    addEventListener("pagehide", close);
    addEventListener("pageshow", open);
    open();
  };

  // -- a listener in words --
  const reach = (listener) => {
    if (listener.address === "::1" || /^(::ffff:)?127\./.test(listener.address) || ["lo", "lo0"].includes(listener.interface)) return "this machine only";
    if (listener.interface) return `interface ${plain(listener.interface)} only`;
    if (["0.0.0.0", "::", "::ffff:0.0.0.0"].includes(listener.address)) {
      const families = listener.address !== "::" || listener.v6only === null ? "" : listener.v6only ? ", IPv6 only" : ", IPv4 and IPv6";
      return `every interface${families}; firewall not examined`;
    }
    return "this address only; firewall not examined";
  };
  const holder = (listener) => {
    const owners = listener.owners.map((owner) => `${owner.program === null ? "a process whose name could not be read" : plain(owner.program)} (pid ${owner.pid})`);
    const more = { first: "", inferred: "; inferred: its descriptors could not be read" }[listener.owners_seen] ?? "";
    if (owners.length) return owners.join(", ") + more;
    return { hidden: "a process you can’t see", kernel: "the kernel itself",
      none: "no process (the kernel, or a descriptor being passed)" }[listener.owners_seen] ?? "not looked for";
  };
  const socket = (listener) => `${listener.transport} ${listener.address.includes(":") ? `[${listener.address}]` : listener.address}:${listener.port}`;
  const since = (moment) => moment && `since ${moment.replace("T", " ").replace("Z", " UTC")}`;
  const ofWhom = (note) => note.whose !== "project" ? "note" : note.trusted ? "project note" : "project note, not trusted";
  const describe = (list, listener) => {
    const item = put(list, "li");
    put(item, "b", plain(socket(listener)));
    item.append(` ${listener.state === "listen" ? "listens" : "is bound, but doesn’t listen"}, ${reach(listener)}; held by ${holder(listener)}.`);
    for (const owner of listener.owners.slice(0, 3)) {
      const said = [owner.command ? owner.command.join(" ") : owner.executable, owner.container ?? owner.unit,
        owner.user && `user ${owner.user}`, since(owner.started)].filter(Boolean).map(plain).join(" · ");
      if (said) { put(item, "br"); put(item, "small", said); }
    }
    for (const note of listener.own_notes ?? []) {
      put(item, "br");
      put(item, "small", `${ofWhom(note)}: ${plain(note.label ?? note.note ?? "see its findings")}`);
    }
    if (listener.findings.length) {
      const findings = put(item, "ul", "", "findings");
      for (const finding of listener.findings) {
        const line = put(findings, "li");
        put(line, "b", finding.level, `level l-${finding.level}`);
        line.append(` ${plain(finding.message)} `);
        put(line, "small", finding.code);
      }
    }
  };

  const AGAIN = 3000; // milliseconds until a busy server is asked again
  const ANEW = "portbook was started anew since this tab was opened: open the address that it printed this time.";

  // -- the panel on the page of a port --
  const panel = document.getElementById("machine");
  if (panel) {
    const live = panel.querySelector(".live");
    const verdict = document.getElementById("verdict");
    const summary = verdict.querySelector("summary");
    const sockets = verdict.querySelector("ul");
    const command = panel.querySelector("pre code");
    const usual = command?.textContent;
    const { port, here, events } = panel.dataset;
    let before = "";
    const raised = (text) => text[0].toUpperCase() + text.slice(1);
    const clear = () => { live.replaceChildren(); summary.replaceChildren(); sockets.replaceChildren(); verdict.className = "verdict"; };
    const say = (text) => {
      if (text === before) return;
      before = text;
      clear();
      put(live, "p", text, "quiet");
    };
    // The short answer in words of the server; the script adds none but what leads a verdict.
    const LEADS = { agree: "They agree:", differ: "They differ:" };
    const show = (answer) => {
      const { brief, host } = answer;
      const text = JSON.stringify([brief, host]);
      if (text === before) return;
      before = text;
      clear();
      put(live, "p", plain(raised(brief.machine ?? "nothing can listen here")), "holds");
      for (const program of brief.programs ?? []) put(live, "p", plain(program));
      if (brief.localhost) put(live, "p", `localhost ${plain(brief.localhost)}.`);
      if (brief.reach) put(live, "p", `Reachable ${plain(brief.reach)}.`.replace(/^Reachable can't tell/, "Can't tell from where it can be reached"), "quiet");
      else if (brief.binding) put(live, "p", `Binding it ${plain(brief.binding)}.`, "quiet");
      if (brief.note) put(live, "p", raised(/^project note/.test(brief.note) ? plain(brief.note) : `your note: ${plain(brief.note)}`));
      const step = host.listeners.length && page.port !== port && brief.next.find((each) => /^(portbook|sudo) /.test(each.command));
      if (command) command.textContent = step ? step.command : usual;
      const { agreement, level, sentence } = brief.verdict ?? {};
      verdict.classList.toggle("told", Boolean(sentence || host.missing.length));
      if (host.listeners.length && page.port === port) {
        verdict.classList.add("told", "l-ok");
        put(summary, "b", "This is portbook:");
        summary.append(" it serves the page that you read");
      } else if (sentence) {
        verdict.classList.add(`l-${level}`);
        put(summary, "b", LEADS[agreement] ?? `${raised(level)}:`);
        summary.append(` ${plain(sentence)}`);
      } else summary.textContent = "Not everything could be seen";
      host.listeners.forEach((listener) => describe(sockets, listener));
      for (const gap of host.missing) put(sockets, "li", `Not seen: ${plain(gap.message)}`, "quiet");
    };
    const look = once(async () => {
      try {
        const answer = await ask(here, "application/json");
        if (answer.ok) show(await answer.json());
        else if (answer.status === 401) {
          say(token ? ANEW : "This machine is shown only to whoever started portbook: open the address with a token that it printed, or paste the token.");
          over = true;
          forget();
          // The token goes where the printed address has it: to the list, which hands it on.
          const form = put(live, "form");
          form.action = home.href;
          const field = put(form, "input");
          field.name = "token";
          field.required = true;
          field.autocomplete = "off";
          field.setAttribute("aria-label", "Token");
          field.placeholder = "Token";
          put(form, "button", "Open");
        } else if (answer.status === 403) say("This machine is shown only in a browser that runs on it, at the address that portbook printed.");
        else { say("This machine could not be read."); setTimeout(look, AGAIN); }
      } catch { say("portbook doesn’t answer: was it stopped?"); }
    });
    follow(events, look, look);
    if (locked()) look();
  }

  // -- the search: what it finds in one's own notes, which no page of the book holds --
  const own = document.getElementById("own");
  if (own) {
    const list = own.querySelector("ol");
    const to = new URL(own.dataset.own, page);
    to.searchParams.set("q", own.dataset.asked);
    ask(to.href, "application/json").then(async (answer) => {
      if (!answer.ok) return;
      for (const note of (await answer.json()).own_notes ?? []) {
        const item = put(list, "li");
        put(item, "b", plain(note.label ?? note.note ?? "no label"));
        item.append(" ");
        const link = put(item, "a", note.first === note.last ? `${note.first}` : `${note.first}–${note.last}`, "n");
        link.href = self.portbook.portPage(note.first);
        if (note.transport) item.append(` ${note.transport}`);
        if (note.label && note.note) { put(item, "br"); put(item, "span", plain(note.note)); }
        put(item, "br");
        put(item, "small", `${ofWhom(note)} in ${plain(note.file)}`);
      }
      own.hidden = !list.children.length;
    }).catch(() => {}); // the book's answer stands without them
  }

  // -- the front page: how many sockets there are, and how many to see to --
  const front = document.getElementById("home-here");
  if (front) ask(front.dataset.here, "application/json").then(async (answer) => {
    if (!answer.ok) return;
    const { listeners } = await answer.json();
    const levels = ["alert", "check"].map((level) => [listeners.filter((each) => each.level === level).length, level]);
    const some = levels.filter(([count]) => count).map(([count, level]) => `${count} ${level}${count === 1 ? "" : "s"}`);
    front.firstChild.textContent = `${listeners.length} ${listeners.length === 1 ? "socket listens or is" : "sockets listen or are"} bound on this machine`;
    front.append(some.length ? `: ${some.join(", ")}.` : ", none of them to check.");
  }).catch(() => {}); // the link stands without it

  // -- the map: what listens here, as rings on it and as a list beside it --
  const mapped = document.getElementById("map-here");
  if (mapped) ask(mapped.dataset.here, "application/json").then(async (answer) => {
    if (!answer.ok) return;
    const held = new Map();
    for (const listener of (await answer.json()).listeners) {
      const names = held.get(listener.port) ?? new Set();
      for (const owner of listener.owners.slice(0, 1)) if (owner.program) names.add(plain(owner.program));
      held.set(listener.port, names);
    }
    const rings = document.querySelector("#map .rings");
    const list = mapped.querySelector("ul");
    const labels = [...document.querySelectorAll("#map .pins circle")].map((pin) => [pin.cx.baseVal.value, pin.cy.baseVal.value]);
    for (const [port, names] of [...held].sort(([a], [b]) => a - b)) {
      const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      for (const [name, value] of [["cx", (port & 255) + 0.5], ["cy", (port >> 8) + 0.5], ["r", 3]]) ring.setAttribute(name, value);
      rings.append(ring);
      // A label where no other one stands in its way; the list beside the map has them all.
      const [column, row] = [port & 255, port >> 8];
      if (!labels.some(([x, y]) => Math.abs(y - row) < 8 && Math.abs(x - column) < 70)) {
        labels.push([column, row]);
        const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
        const left = column > 190;
        for (const [name, value] of [["x", column + (left ? -4 : 5)], ["y", row + 0.5], ["class", left ? "left" : ""]]) text.setAttribute(name, value);
        text.textContent = `${port} ${[...names][0] ?? ""}`.trim();
        rings.append(text);
      }
      const item = put(list, "li");
      put(item, "a", String(port), "n").href = self.portbook.portPage(port);
      item.append(` ${[...names].join(", ")}`);
    }
    mapped.hidden = !held.size;
  }).catch(() => {}); // the map stands without them

  // -- the list of everything --
  const all = document.getElementById("here");
  if (all) {
    const news = document.getElementById("here-news");
    const list = document.getElementById("here-list");
    const count = document.getElementById("here-count");
    const say = (text) => { if (news.textContent !== text) news.textContent = text; };
    const rows = (within) => [...within.querySelectorAll("tr[data-socket]")];
    // What opened a moment ago is marked as such.
    const born = new Map(rows(list).map((row) => [row.dataset.socket, 0]));
    const mark = () => {
      const now = Date.now();
      for (const row of rows(list)) {
        const name = row.dataset.socket;
        if (!born.has(name)) { born.set(name, now); setTimeout(mark, 10000); }
        row.classList.toggle("new", now - born.get(name) < 9900);
      }
    };
    // Nobody likes what they are marking to be taken away.
    const marking = () => { const marked = getSelection(); return !marked.isCollapsed && list.contains(marked.anchorNode); };
    let waiting = false;
    const look = once(async () => {
      if (marking()) { waiting = true; return; }
      try {
        const answer = await ask(home.href, "text/html");
        if (answer.status === 401) { over = true; forget(); say(ANEW); return; }
        if (!answer.ok) {
          say("What listens could not be read anew: what stands here may be old.");
          setTimeout(look, AGAIN); // nothing else may happen for long
          return;
        }
        // Parsed, nothing in it runs or loads; the server has escaped it all the same.
        const read = new DOMParser().parseFromString(await answer.text(), "text/html");
        const focus = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        const left = list.querySelector(".scroll")?.scrollLeft ?? 0;
        const opened = new Set(rows(list).filter((row) => row.querySelector("details[open]")).map((row) => row.dataset.socket));
        count.replaceChildren(...read.getElementById("here-count").childNodes);
        list.replaceChildren(...read.getElementById("here-list").childNodes);
        mark();
        for (const row of rows(list)) if (opened.has(row.dataset.socket)) row.querySelector("details").open = true;
        const scroll = list.querySelector(".scroll");
        if (scroll) scroll.scrollLeft = left;
        if (focus) [...list.querySelectorAll("a")].find((link) => link.getAttribute("href") === focus)?.focus();
      } catch { say("portbook doesn’t answer: what stands here may be old."); }
    });
    document.addEventListener("selectionchange", () => { if (waiting && !marking()) { waiting = false; look(); } });
    let first = true;
    follow(all.dataset.events, (event) => {
      if (event.type === "state") {
        say(first ? "Live: changes show here immediately." : "Live again.");
        first = false;
        look(); // what opened between the page and the stream
        return;
      }
      const { listener } = JSON.parse(event.data);
      const what = { opened: "was opened", closed: "was closed", changed: "has changed" }[event.type];
      say(`${plain(socket(listener))} ${what}.`);
      look();
    }, look);
  }
})();
