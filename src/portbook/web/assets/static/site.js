// What every page has: search as you type, copy buttons, tabs that know the system, the shelf.
// All of it is an addition: each page works without.
"use strict";
(() => {
  const page = document.documentElement.dataset;
  // What a copy holds that has the pages of some ports only; null where it has all.
  const only = page.only?.split(", ").map((span) => { const [a, b] = span.split("–").map(Number); return [a, b ?? a]; });
  const hasPort = (port) => !only || only.some(([a, b]) => a <= port && port <= b);
  const firstThere = (spans) => {
    for (const [a, b] of spans) {
      const part = only ? only.find(([c, d]) => a <= d && c <= b) : [a, b];
      if (part) return Math.max(a, part[0]);
    }
    return null;
  };
  const portPage = (port) => `${page.root}${port}${page.suffix}`;
  // The rule of portbook.web.pages.links.file_name.
  const fileName = (name) => [...new TextEncoder().encode(name.toLowerCase())]
    .map((byte) => { const char = String.fromCharCode(byte);
      return /[a-z0-9_.+-]/.test(char) ? char : `~${byte.toString(16).padStart(2, "0")}`; }).join("");
  const servicePage = (name) => page.suffix
    ? `${page.root}services/${fileName(name)}${page.suffix}`
    : `${page.root}services/${encodeURIComponent(name)}`;

  // -- the index: loaded when somebody searches, as a script, so that it works from a file too --
  let loading = null;
  const index = () => loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = page.index;
    script.onload = () => resolve(self.portbookSearch.read(self.portbookIndex));
    script.onerror = () => { loading = null; reject(new Error("the search index could not be loaded")); };
    document.head.append(script);
  });
  const portIn = (text) => {
    const found = /^:?(\d{1,5})(?:\/(?:tcp|udp|sctp|dccp))?$/i.exec(text);
    return found && Number(found[1]) <= 65535 ? Number(found[1]) : null;
  };
  // The port of an address, of a URL or of an error that people paste, as far as that is plain.
  const portWithin = (text) => {
    const found = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[a-z0-9_.-]+|\[[0-9a-f:.]*\]):(\d{1,5})(?:[/?#].*)?$/i.exec(text)
      ?? /\bE(?:ADDRINUSE|ACCES|CONNREFUSED)\b.*?(?<![\d.])(\d{2,5})$/.exec(text);
    return portIn(found ? found[1] : text);
  };
  // What people meet on a port, as the index ranks it; what has a wide span says little of one.
  const metOn = (book, port) => [...new Set(book.rows.filter((row) => (row.kind === "service" || row.kind === "product")
    && row.spans.some(([a, b]) => a <= port && port <= b && b - a < 16)).map((row) => row.name))];
  const find = (book, text, most) => {
    const hits = [];
    const port = portWithin(text.trim());
    const span = /^(\d{1,5})\s*[-–:]\s*(\d{1,5})$/.exec(text.trim());
    if (span && !page.suffix && Number(span[1]) < Number(span[2]) && Number(span[2]) <= 65535)
      hits.push({ href: `${page.root}${Number(span[1])}-${Number(span[2])}`, head: `${span[1]}–${span[2]}`, text: "the ports of this range", said: "", source: "" });
    if (port !== null && hasPort(port)) {
      const names = book.holding(port).map((row) => row.name || row.said);
      hits.push({ href: portPage(port), head: String(port), text: names.join(", ") || book.state(port), said: metOn(book, port).slice(0, 3).join(", "), source: "" });
    }
    for (const row of self.portbookSearch.find(book, text)) {
      if (hits.length >= most) break;
      const there = firstThere(row.spans);
      if (only && there === null) continue;
      const page = row.kind === "registered" && row.name ? servicePage(row.name) : there === null ? null : portPage(there);
      if (page === null) continue;
      const said = row.kind === "abuse" ? `Reported abuse: ${row.said}` : row.name ? row.said : "";
      hits.push({ href: page, head: row.ports.split(",").slice(0, 2).join(", ") || "no port", text: row.name || row.said, said, source: row.source });
    }
    return hits;
  };
  // For a short list: each port once, and after a number the known ports that begin with it.
  const findOnce = (book, text, most) => {
    const seen = new Set();
    const hits = find(book, text, 60).filter((hit) => hit.head === "no port" || (!seen.has(hit.head) && seen.add(hit.head)));
    if (/^\d{1,4}$/.test(text.trim())) {
      const met = new Map(); // how much is met on each
      for (const row of book.rows) if (row.kind === "service" || row.kind === "product")
        for (const [port, last] of row.spans)
          if (port === last && String(port).startsWith(text.trim()) && !seen.has(String(port)) && hasPort(port)) met.set(port, (met.get(port) ?? 0) + 1);
      for (const [port] of [...met].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, most))
        hits.push({ href: portPage(port), head: String(port), text: metOn(book, port).slice(0, 3).join(", "), said: "", source: "" });
    }
    return hits.slice(0, most);
  };
  self.portbook = { index, find, hasPort, portPage, servicePage };

  const put = (parent, tag, text, name) => {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    if (name) made.className = name;
    parent.append(made);
    return made;
  };

  // What changes without a page being loaded is said aloud here.
  const told = put(document.body, "p", "", "unseen");
  told.setAttribute("role", "status");

  // -- search as you type --
  const field = document.getElementById("q");
  const form = field.form;
  const list = put(form, "ul", "", "hits");
  list.id = "hits";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "What was found");
  const ask = page.suffix ? "" : " Enter searches everything.";
  for (const [name, value] of [["role", "combobox"], ["aria-expanded", "false"], ["aria-controls", "hits"], ["aria-autocomplete", "list"]])
    field.setAttribute(name, value);
  let hits = [];
  let chosen = -1;
  const close = () => {
    list.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const choose = (place) => {
    chosen = place;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === place)));
    if (place < 0) { field.removeAttribute("aria-activedescendant"); return; }
    field.setAttribute("aria-activedescendant", `hit-${place}`);
    list.children[place].scrollIntoView({ block: "nearest" });
  };
  const show = async () => {
    const text = field.value;
    let book;
    try { book = await index(); } catch { return; } // Enter still asks the server
    if (text !== field.value || document.activeElement !== field) return;
    hits = findOnce(book, text, 9);
    list.replaceChildren();
    hits.forEach((hit, at) => {
      const item = put(list, "li");
      item.id = `hit-${at}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      put(item, "b", hit.head);
      put(item, "span", hit.text);
      if (hit.said) put(item, "small", hit.said);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); location.href = hit.href; });
    });
    chosen = -1;
    told.textContent = !text.trim() ? "" : hits.length ? `${hits.length} ${hits.length === 1 ? "match" : "matches"}` : `No match.${ask}`;
    list.hidden = !hits.length;
    field.setAttribute("aria-expanded", String(hits.length > 0));
    field.removeAttribute("aria-activedescendant");
  };
  field.addEventListener("input", show);
  field.addEventListener("focus", () => { if (field.value) show(); else index().catch(() => {}); });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    // The first Escape closes the list; a browser's own empties the field, and that is the second.
    if (event.key === "Escape" && !list.hidden) { event.preventDefault(); close(); return; }
    if (list.hidden || !hits.length) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      choose(chosen + step < -1 ? hits.length - 1 : chosen + step >= hits.length ? -1 : chosen + step);
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.href = hits[chosen].href;
    }
  });
  form.addEventListener("submit", (event) => {
    const port = portIn(field.value.trim());
    if (port === null || !hasPort(port)) return;
    event.preventDefault();
    location.href = portPage(port);
  });
  // -- keys, and the list of them --
  let keys = null;
  const KEYS = [["/ or Ctrl K", "search"], ["← →", "the port before, the next one"], ["p n", "the nearest assigned port before, after"], ["↑ ↓ Enter", "choose a hit"], ["Esc", "close"], ["?", "this list"]];
  const showKeys = () => {
    if (!keys) {
      keys = put(document.body, "dialog", "", "keys");
      put(keys, "h2", "Keys").id = "keys-title";
      keys.setAttribute("aria-labelledby", "keys-title");
      const list = put(keys, "dl");
      for (const [key, does] of KEYS) { put(put(list, "dt"), "kbd", key); put(list, "dd", does); }
      put(keys, "button", "Close").addEventListener("click", () => keys.close());
    }
    keys.showModal();
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const search = (event.key === "/" && !typing && plain) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey);
    if (search) {
      event.preventDefault();
      field.focus();
      field.select();
    } else if (event.key === "?" && !typing && plain) showKeys();
  });

  // -- light, dark, or as the system has it --
  const shade = document.getElementById("theme");
  if (shade) {
    const names = { "": "as the system", light: "light", dark: "dark" };
    const order = ["", "light", "dark"];
    const button = put(shade, "button");
    button.type = "button";
    const tell = () => { button.textContent = `Colours: ${names[document.documentElement.dataset.theme ?? ""]}`; };
    button.addEventListener("click", () => {
      const next = order[(order.indexOf(document.documentElement.dataset.theme ?? "") + 1) % 3];
      if (next) document.documentElement.dataset.theme = next; else delete document.documentElement.dataset.theme;
      try { if (next) localStorage.setItem("portbook-theme", next); else localStorage.removeItem("portbook-theme"); } catch { /* for this page alone */ }
      tell();
    });
    tell();
    shade.append(" ");
    const help = put(shade, "button", "Keys");
    help.type = "button";
    help.addEventListener("click", showKeys);
  }

  // -- a link to each section, and where in the contents one is --
  for (const heading of document.querySelectorAll("article > section[id] > h2")) {
    const link = put(heading, "a", "#", "link");
    link.href = `#${heading.parentElement.id}`;
    link.setAttribute("aria-label", `Link to ${heading.firstChild.textContent}`);
  }
  const marks = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  if (marks.size && self.IntersectionObserver) {
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) {
        for (const link of marks.values()) link.removeAttribute("aria-current");
        marks.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    }, { rootMargin: "0px 0px -75% 0px" });
    for (const id of marks.keys()) { const section = document.getElementById(id); if (section) seen.observe(section); }
  }

  const cite = (address) => {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = new URL(address).hostname.replace(/^www\./, "");
    return link;
  };

  // -- an export's own "Any port", and what an address that isn't there may have meant --
  const turns = document.querySelectorAll(".foot p")[1];
  if (page.suffix && turns) {
    turns.append(" · ");
    const any = put(turns, "a", "Any port");
    any.href = portPage(only ? only[0][0] : 305);
    any.addEventListener("click", (event) => {
      event.preventDefault();
      const spans = only ?? [[0, 65535]];
      let left = Math.floor(Math.random() * spans.reduce((sum, [a, b]) => sum + b - a + 1, 0));
      for (const [a, b] of spans) { if (left <= b - a) { location.href = portPage(a + left); return; } left -= b - a + 1; }
    });
  }
  const missing = document.querySelector("header[data-status='404']");
  if (missing && page.suffix) {
    const word = decodeURIComponent(location.pathname).split("/").pop().replace(/\.html$/, "");
    index().then((book) => {
      const near = find(book, word, 5);
      if (!near.length) return;
      const line = put(missing, "p", "Did you mean ", "similar");
      near.forEach((hit, at) => { if (at) line.append(", "); put(line, "a", `${hit.text} (${hit.head})`).href = hit.href; });
      line.append("?");
    }, () => {});
  }

  // -- the search page of an export, which has no server to ask --
  const results = document.querySelector("[data-search]");
  const asked = new URLSearchParams(location.search).get("q");
  if (results && asked) {
    field.value = asked;
    index().then((book) => {
      const found = find(book, asked, 50);
      document.querySelector("h1").textContent = found.length ? `${found.length}${found.length === 50 ? " and more" : ""} for “${asked}”` : only ? `Nothing on port${/[–,]/.test(page.only) ? "s" : ""} ${page.only} matches “${asked}”` : `Nothing matches “${asked}”`;
      for (const hit of found) {
        const item = put(results, "li");
        const link = put(item, "a");
        link.href = hit.href;
        put(link, "b", hit.head);
        link.append(` ${hit.text}`);
        if (hit.said) { item.append(" "); put(item, "span", hit.said); }
        if (/^https?:/.test(hit.source)) { item.append(" "); put(item, "small").append(cite(hit.source)); }
      }
    }, () => {});
  }

  // -- copy buttons: what was copied is announced, too --
  if (navigator.clipboard) for (const code of document.querySelectorAll("pre > code")) {
    const frame = document.createElement("div");
    frame.className = "copying";
    code.parentElement.replaceWith(frame);
    frame.append(code.parentElement);
    const button = put(frame, "button", "Copy", "copy");
    button.type = "button";
    button.title = "Copy this command";
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(code); button.textContent = "Press Ctrl+C"; }
      told.textContent = `${button.textContent}: ${code.textContent}`;
      setTimeout(() => { button.textContent = "Copy"; told.textContent = ""; }, 1800);
    });
  }

  // -- tabs open at the system that the reader is on --
  const agent = navigator.userAgent;
  const system = /Windows/.test(agent) ? "Windows" : /Mac OS|iPhone|iPad/.test(agent) ? "macOS" : "Linux";
  for (const own of document.querySelectorAll(`.tabs input[value="${system}"]`)) own.checked = true;

  // -- the shelf: point at a book to read what it is, press to open it; a finger reads first --
  const strip = document.querySelector(".strip");
  if (strip) {
    const first = Number(strip.dataset.first);
    const label = put(strip.parentElement, "p", "", "pointed");
    strip.parentElement.prepend(label);
    let names = null;
    let shown = null;
    const at = (event) => {
      const box = strip.getBoundingClientRect();
      return first + Math.min(63, Math.max(0, Math.floor((event.clientX - box.left) / box.width * 64)));
    };
    const tell = (port) => {
      shown = port;
      const name = names && names.holding(port).map((row) => row.name || row.said).slice(0, 2).join(", ");
      label.replaceChildren();
      const number = put(label, hasPort(port) ? "a" : "b", String(port));
      if (hasPort(port)) number.href = portPage(port);
      if (names) label.append(` ${name || names.state(port)}`);
      // Above its book, as far as it has room there.
      const middle = (port - first + 0.5) / 64 * strip.clientWidth;
      label.style.left = `${Math.max(0, Math.min(strip.clientWidth - label.offsetWidth, middle - label.offsetWidth / 2))}px`;
    };
    strip.addEventListener("pointerenter", () => { index().then((read) => { names = read; if (shown !== null) tell(shown); }, () => {}); }, { once: true });
    strip.addEventListener("pointermove", (event) => tell(at(event)));
    strip.addEventListener("pointerdown", (event) => tell(at(event)));
    strip.parentElement.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") { shown = null; label.replaceChildren(); } });
    strip.addEventListener("click", (event) => { if (event.pointerType !== "touch" && hasPort(at(event))) location.href = portPage(at(event)); });
  }

  // -- arrow keys turn the page --
  document.addEventListener("keydown", (event) => {
    if (event.target !== document.body && event.target.id !== "main") return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const link = { ArrowLeft: ["[rel=prev]"], ArrowRight: ["[rel=next]"], p: ["[data-turn=earlier]", "[rel=prev]"], n: ["[data-turn=later]", "[rel=next]"] }[event.key];
    const to = link?.map((each) => document.querySelector(`.turn a${each}`)).find(Boolean);
    if (to) location.href = to.href;
  });
})();
