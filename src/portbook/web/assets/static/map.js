// The map: zoom, hover, keyboard and click. Without it the picture and its table still stand.
"use strict";
(() => {
  const figure = document.getElementById("map");
  const svg = figure.querySelector("svg");
  const cursor = svg.querySelector(".cursor");
  const now = document.getElementById("map-now");
  const label = figure.querySelector(".pointed");
  const { index, hasPort, portPage } = self.portbook;
  let book = null;
  let port = 0;
  let view = { x: 0, y: 0, size: 256 };
  let shown = false;
  // The names are many times the page's size: they are loaded once somebody looks closer.
  const learn = () => { index().then((read) => { if (!book) { book = read; if (shown) tell(); } }, () => {}); };
  for (const name of ["pointerenter", "focus", "touchstart"]) svg.addEventListener(name, learn, { once: true, passive: true });

  svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "application");
  svg.setAttribute("aria-roledescription", "map of ports");
  svg.setAttribute("aria-describedby", "map-now");

  const tell = () => {
    const head = document.createElement("b");
    const link = document.createElement(hasPort(port) ? "a" : "span");
    link.textContent = port;
    if (hasPort(port)) { link.href = portPage(port); link.setAttribute("aria-label", `Port ${port}`); }
    head.append(link);
    const names = book ? book.holding(port).map((row) => row.name || row.said) : [];
    now.replaceChildren(head, book ? `${book.state(port)}${names.length ? `: ${names.slice(0, 3).join(", ")}` : ""}` : "");
    const used = book ? book.rows.filter((row) => row.product && row.spans.some(([a, b]) => a <= port && port <= b && b - a < 16)) : [];
    if (used.length) {
      const practice = document.createElement("span");
      practice.textContent = `In practice: ${used.slice(0, 3).map((row) => row.name).join(", ")}${used.length > 3 ? ` and ${used.length - 3} more` : ""}`;
      now.append(document.createElement("br"), practice);
    }
    const line = document.createElement("small");
    line.textContent = `row ${port >> 8}, column ${port & 255}`;
    now.append(document.createElement("br"), line);
    label.textContent = `${port} ${names.slice(0, 2).join(", ") || (book ? book.state(port) : "")}`;
    place();
  };
  // What is pointed at is told beside it as well, as far as it can be seen.
  const place = () => {
    const [column, row] = [(port & 255) + 0.5 - view.x, (port >> 8) + 0.5 - view.y];
    label.hidden = !shown || column < 0 || row < 0 || column > view.size || row > view.size;
    if (label.hidden) return;
    const step = svg.clientWidth / view.size;
    const left = svg.getBoundingClientRect().left - figure.getBoundingClientRect().left + column * step;
    const before = left + 14 + label.offsetWidth > figure.clientWidth;
    label.style.left = `${before ? Math.max(0, left - 14 - label.offsetWidth) : left + 14}px`;
    label.style.top = `${Math.max(0, row * step - label.offsetHeight - 6)}px`;
  };
  const point = (to) => {
    port = Math.min(65535, Math.max(0, to));
    shown = true;
    cursor.setAttribute("x", port & 255);
    cursor.setAttribute("y", port >> 8);
    cursor.setAttribute("visibility", "visible");
    tell();
  };
  const look = () => {
    view.size = Math.min(256, Math.max(8, view.size));
    view.x = Math.min(256 - view.size, Math.max(0, view.x));
    view.y = Math.min(256 - view.size, Math.max(0, view.y));
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.size} ${view.size}`);
    figure.classList.toggle("near", view.size < 256);
    svg.style.setProperty("--near", view.size / 256); // names keep their size
    place();
  };
  const zoom = (by, column, row) => {
    const size = Math.min(256, Math.max(8, view.size * by));
    view.x = column - (column - view.x) * size / view.size;
    view.y = row - (row - view.y) * size / view.size;
    view.size = size;
    look();
  };
  const follow = () => {
    const [column, row] = [port & 255, port >> 8];
    if (column < view.x || column >= view.x + view.size) view.x = column - view.size / 2;
    if (row < view.y || row >= view.y + view.size) view.y = row - view.size / 2;
    look();
  };
  const under = (event) => {
    const box = svg.getBoundingClientRect();
    return [view.x + (event.clientX - box.left) / box.width * view.size, view.y + (event.clientY - box.top) / box.height * view.size];
  };

  const aim = (event) => {
    const [column, row] = under(event).map(Math.floor);
    if (column >= 0 && column < 256 && row >= 0 && row < 256) point(row * 256 + column);
  };

  let drag = null;
  let moved = false;
  // Two fingers: what was between them when they came down stays between them.
  const fingers = new Map();
  let pinch = null;
  const spread = () => {
    const [one, two] = [...fingers.values()];
    const middle = { clientX: (one.clientX + two.clientX) / 2, clientY: (one.clientY + two.clientY) / 2 };
    return { apart: Math.max(1, Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY)), middle };
  };
  const squeeze = () => {
    const { apart, middle } = spread();
    const box = svg.getBoundingClientRect();
    view.size = Math.min(256, Math.max(8, pinch.size * pinch.apart / apart));
    view.x = pinch.at[0] - (middle.clientX - box.left) / box.width * view.size;
    view.y = pinch.at[1] - (middle.clientY - box.top) / box.height * view.size;
    look();
  };
  // The browser would scroll or enlarge the page instead, and take the fingers away.
  svg.addEventListener("touchstart", (event) => { if (event.touches.length > 1) event.preventDefault(); }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    svg.setPointerCapture(event.pointerId);
    if (fingers.size === 2) {
      const { apart, middle } = spread();
      pinch = { apart, at: under(middle), size: view.size };
      drag = null;
      moved = true; // no tap any more
      return;
    }
    drag = { x: event.clientX, y: event.clientY, from: { ...view } };
    moved = false;
    aim(event); // a finger was nowhere before
  });
  svg.addEventListener("pointermove", (event) => {
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event);
    if (pinch && fingers.size === 2) { squeeze(); return; }
    if (fingers.size > 2 || pinch) return;
    if (drag && view.size < 256) {
      const box = svg.getBoundingClientRect();
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      if (Math.hypot(dx, dy) > 4) moved = true;
      view.x = drag.from.x - dx / box.width * view.size;
      view.y = drag.from.y - dy / box.height * view.size;
      look();
    }
    aim(event);
  });
  const lift = (event) => {
    fingers.delete(event.pointerId);
    drag = null;
    if (!fingers.size) pinch = null;
  };
  for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, lift);
  // A finger hides what it points at: it is told first, and the number beside the map opens it.
  svg.addEventListener("click", (event) => {
    if (!moved && shown && event.pointerType !== "touch" && hasPort(port)) location.href = portPage(port);
  });
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, ...under(event));
  }, { passive: false });
  svg.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -256, ArrowDown: 256, PageUp: -4096, PageDown: 4096 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) point(shown ? port + steps[event.key] : 0);
    else if (event.key === "Home") point(0);
    else if (event.key === "End") point(65535);
    else if (event.key === "Enter" && shown) { if (hasPort(port)) location.href = portPage(port); }
    else if (event.key === "+" || event.key === "=") zoom(0.6, port & 255, port >> 8);
    else if (event.key === "-") zoom(1 / 0.6, port & 255, port >> 8);
    else if (event.key === "Escape") { view = { x: 0, y: 0, size: 256 }; look(); }
    else return;
    event.preventDefault();
    follow();
  });
  const buttons = document.querySelector(".zoom");
  buttons.hidden = false;
  buttons.addEventListener("click", (event) => {
    const way = event.target.dataset.zoom;
    const middle = shown ? [port & 255, port >> 8] : [view.x + view.size / 2, view.y + view.size / 2];
    if (way === "in") zoom(0.5, ...middle);
    else if (way === "out") zoom(2, ...middle);
    else if (way === "all") { view = { x: 0, y: 0, size: 256 }; look(); }
  });
  // -- what can be laid over it: ports that people use, and the names of some --
  const layers = document.querySelector(".layers");
  layers.hidden = false;
  const practised = svg.querySelector(".practised");
  layers.querySelector("#map-practice").addEventListener("change", (event) => {
    practised.setAttribute("visibility", event.target.checked ? "visible" : "hidden");
    if (event.target.checked) index().then((read) => {
      book ??= read;
      const used = new Set();
      for (const row of book.rows) if (row.product) for (const [a, b] of row.spans) if (b - a < 16) for (let at = a; at <= b; at++) used.add(at);
      practised.setAttribute("d", [...used].map((at) => `M${at & 255} ${at >> 8}h1v1h-1z`).join(""));
    }, () => { event.target.checked = false; });
  });
  layers.querySelector("#map-pins").addEventListener("change", (event) => {
    svg.querySelector(".pins").setAttribute("visibility", event.target.checked ? "visible" : "hidden");
  });
  // A port that the address names is told at once, and looked at closely.
  const go = () => {
    const named = /^#(\d{1,5})$/.exec(location.hash);
    if (!named || Number(named[1]) > 65535) return;
    learn();
    point(Number(named[1]));
    zoom(Math.min(1, 0.35 * 256 / view.size), port & 255, port >> 8);
    follow();
  };
  addEventListener("hashchange", go);
  go();
})();
