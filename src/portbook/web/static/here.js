// This machine: what listens on the port of the page, live; and news on the list of everything.
// Names of processes are put in as text, never as markup.
"use strict";
(() => {
  const put = (parent, tag, text, name) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (name) made.className = name;
    parent.append(made);
    return made;
  };
  // Text of processes may hold what changes the direction or the look of a line.
  const plain = (text) => String(text).replace(/[\p{C}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0).toString(16)}}`);

  const reach = (listener) => {
    if (listener.address === "::1" || /^(::ffff:)?127\./.test(listener.address)) return "this machine only";
    if (listener.interface) return `interface ${plain(listener.interface)} only`;
    if (["0.0.0.0", "::", "::ffff:0.0.0.0"].includes(listener.address)) return "every interface; firewall not examined";
    return "this address only; firewall not examined";
  };
  const holder = (listener) => {
    const owners = listener.owners.map((owner) => `${owner.program === null ? "a process whose name could not be read" : plain(owner.program)} (pid ${owner.pid})`);
    const more = { first: "; there may be others, not looked at", inferred: "; inferred: its descriptors could not be read" }[listener.owners_seen] ?? "";
    if (owners.length) return owners.join(", ") + more;
    return { hidden: "a process that is not visible without privilege", kernel: "the kernel itself",
      none: "no process: the kernel itself, or a descriptor on its way" }[listener.owners_seen] ?? "not looked for";
  };
  const describe = (list, listener) => {
    const item = put(list, "li");
    const host = listener.address.includes(":") ? `[${listener.address}]` : listener.address;
    put(item, "b", `${listener.transport} ${host}:${listener.port}`);
    item.append(` ${listener.state === "listen" ? "listens" : "is bound, but doesn’t listen"}, ${reach(listener)}; held by ${holder(listener)}.`);
    for (const owner of listener.owners.slice(0, 3)) {
      const said = [owner.executable, owner.unit ?? owner.container, owner.user && `user ${owner.user}`, owner.started && `since ${owner.started}`].filter(Boolean).map(plain).join(" · ");
      if (said) { put(item, "br"); put(item, "small", said); }
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

  const panel = document.getElementById("machine");
  const follow = (address, changed, lost) => {
    const events = new EventSource(address);
    for (const name of ["state", "opened", "closed", "changed"]) events.addEventListener(name, changed);
    events.addEventListener("error", lost);
    addEventListener("pagehide", () => events.close());
  };

  if (panel) {
    const live = panel.querySelector(".live");
    const { port, here, events } = panel.dataset;
    const say = (text) => { live.replaceChildren(); put(live, "p", text, "quiet"); };
    let before = "";
    const show = (answer) => {
      const host = answer.host ?? answer;
      const listeners = host.listeners.filter((listener) => listener.port === Number(port));
      const text = JSON.stringify([listeners, host.visibility, host.missing]);
      if (text === before) return;
      before = text;
      live.replaceChildren();
      if (listeners.length) {
        const list = put(live, "ul");
        listeners.forEach((listener) => describe(list, listener));
      } else {
        put(live, "p", host.visibility === "full" ? `Nothing is bound to ${port} here at this moment.` : `Nothing that could be seen is bound to ${port} here.`);
      }
      for (const reason of host.missing ?? []) put(live, "p", `Not seen: ${plain(reason)}`, "quiet");
    };
    let asking = false;
    let again = false;
    const ask = async () => {
      if (asking) { again = true; return; }
      asking = true;
      try {
        const answer = await fetch(here, { cache: "no-store", headers: { accept: "application/json" } });
        if (answer.ok) show(await answer.json());
        else say(answer.status === 401 || answer.status === 403 ? "This machine is shown only to whoever started portbook: open the address that it printed." : "This machine could not be read.");
      } catch { say("portbook doesn’t answer: was it stopped?"); before = ""; }
      asking = false;
      if (again) { again = false; ask(); }
    };
    ask();
    follow(events, ask, () => { if (before) ask(); });
  }

  const all = document.getElementById("here");
  if (all) {
    const news = document.getElementById("here-news");
    let first = true;
    follow(all.dataset.events, (event) => {
      if (event.type === "state") {
        if (!first) news.textContent = "Followed again.";
        first = false;
        return;
      }
      const { listener } = JSON.parse(event.data);
      const what = { opened: "was opened", closed: "was closed", changed: "has changed" }[event.type];
      news.textContent = `${listener.transport} ${listener.address}:${listener.port} ${what}. `;
      const link = put(news, "a", "Read anew");
      link.href = location.href;
    }, () => {});
  }
})();
