// The rule of portbook.catalog.search for pages that have no server to ask; a test holds both to
// the same hits in the same order. Rows come in the order in which those that fit as well stand.
"use strict";
self.portbookSearch = (() => {
  const ALIKE = 0.75, BEGINS = 90, PART = 80, BEST_PART = 92, OF_ANOTHER = 79, SURE = 38, SHORT = 3, WIDE = 16;
  const fold = (text) => text.toLowerCase().split(/\s+/).filter(Boolean).join(" ");
  const wordsOf = (text) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const lines = (terms) => `\n${terms.join("\n")}\n`;
  const KINDS = { "=": "service", "+": "product", "-": "product", "*": "program", "!": "abuse" };

  const rowOf = (line) => {
    const [marked, ports = "", said = "", source = "", others = "", extra = ""] = line.split("\t");
    const kind = KINDS[marked[0]] ?? "registered";
    const name = kind === "registered" ? marked : marked.slice(1);
    const more = others ? others.split("|") : [];
    const good = [name, ...more.filter((other) => !other.startsWith("~"))].filter(Boolean).map(fold);
    const names = [...good, ...more.filter((other) => other.startsWith("~")).map((other) => fold(other.slice(1)))];
    const split = names.map(wordsOf).filter((words) => words.length);
    const text = fold(`${said} ${extra}`);
    const words = split.flat().join(" ");
    // Terms stand between line feeds and words between blanks, so that one look asks all of them.
    return { name, kind, ports, said, source, text, product: kind === "product" || kind === "program", ofAnother: marked[0] === "-",
      good: lines(good), names: lines(names), phrases: lines(split.map((some) => some.join(" "))),
      runs: lines(split.map((some) => some.join(""))), words: ` ${words} `,
      all: ` ${words} ${wordsOf(text).join(" ")} `,
      spans: ports ? ports.split(",").map((span) => { const [a, b] = span.split("-").map(Number); return [a, b ?? a]; }) : [] };
  };
  const read = (raw) => {
    const rows = raw.rows.split("\n").map(rowOf);
    const states = new Uint8Array(65536);
    let at = 0;
    for (const run of raw.runs.split(",")) {
      const [state, length] = run.split(".");
      const size = parseInt(length, 36);
      states.fill(Number(state), at, at += size);
    }
    const holding = (port) => rows.filter((row) => row.kind === "registered" && row.spans.some(([a, b]) => a <= port && port <= b));
    return { rows, holding, state: (port) => raw.states[states[port]], dropped: new Set(raw.dropped), asking: new Set(raw.asking), ofAnother: new Set(raw.ofAnother) };
  };

  // *text* without the words of a question; as it is where nothing would be left.
  const searchWords = (book, text) => {
    const words = text.split(/\s+/).filter(Boolean);
    if (words.length < 2) return text;
    const bare = (word) => word.replace(/^[¿?¡!,.]+|[¿?¡!,.]+$/g, "");
    const kept = words.filter((word) => !book.dropped.has(bare(word).toLowerCase())).map(bare);
    const asked = book.asking.has(words[0].toLowerCase()) || text.trimEnd().endsWith("?") || kept.length < words.length;
    return asked ? kept.filter(Boolean).join(" ") || text : text;
  };

  const score = (row, wanted, words, phrase, run, port) => {
    const telling = words.some((word) => word.length >= SHORT && !/^\p{Nd}+$/u.test(word));
    if (row.good.includes(`\n${wanted}\n`)) return 100;
    if (row.names.includes(`\n${wanted}\n`)) return 98;
    if (phrase && row.phrases.includes(`\n${phrase}\n`)) return 97;
    const holding = port === null ? [] : row.spans.filter(([a, b]) => a <= port && port <= b);
    if (holding.length) {
      return row.kind === "registered" || row.kind === "service" || holding.some(([a, b]) => b - a < WIDE) ? 95 : 93;
    }
    if (phrase && row.phrases.includes(`\n${phrase} `)) return 92;
    if (telling && words.every((word) => row.words.includes(` ${word} `))) return 91;
    if (row.names.includes(`\n${wanted}`)) return BEGINS;
    if (run.length > 1 && row.runs.includes(`\n${run}`)) return 84;
    if (telling && words.every((word) => row.words.includes(` ${word}`))) return 82;
    if (wanted.length > 1 && row.names.includes(wanted)) return 80;
    if (telling && words.every((word) => row.all.includes(` ${word} `))) return 70;
    if (telling && words.every((word) => row.all.includes(` ${word}`))) return 60;
    return wanted.length > 2 && row.text.includes(wanted) ? 50 : 0;
  };

  // How many characters the matching blocks of two texts have, as Python's difflib finds them.
  const matching = (a, b) => {
    for (let size = Math.min(a.length, b.length); size > 0; size--)
      for (let start = 0; start + size <= a.length; start++) {
        const at = b.indexOf(a.slice(start, start + size));
        if (at >= 0) return size + matching(a.slice(0, start), b.slice(0, at)) + matching(a.slice(start + size), b.slice(at + size));
      }
    return 0;
  };
  const likeness = (text) => {
    const known = new Map();
    return (word) => {
      const both = word.length + text.length;
      if (2 * Math.min(word.length, text.length) < ALIKE * both) return 0;
      let ratio = known.get(word);
      if (ratio === undefined) {
        const left = [...text];
        let common = 0;
        for (const char of word) { const at = left.indexOf(char); if (at >= 0) { left[at] = ""; common++; } }
        ratio = 2 * common >= ALIKE * both ? 2 * matching(word, text) / both : 0;
        known.set(word, ratio);
      }
      return ratio;
    };
  };
  const nearness = (row, ratio) => {
    const best = (terms, shortest, weight) => {
      let most = 0;
      for (const term of terms) if (term.length >= shortest) { const one = ratio(term); if (one >= ALIKE && one > most) most = one; }
      return Math.floor(most * weight);
    };
    const whole = best(row.names.trim().split("\n"), 1, 45), part = best(row.words.split(" "), SHORT + 1, 45);
    if (whole || part) return whole >= part ? [whole, 0] : [part, 1];
    return [best(row.all.split(" "), SHORT + 1, 40), 2];
  };

  // All rows that *text* finds, best first.
  const find = (book, text) => {
    const wanted = fold(text.includes(" ") ? searchWords(book, text) : text);
    if (!wanted) return [];
    const words = wordsOf(wanted);
    const port = /^[0-9]{1,5}$/.test(wanted) && Number(wanted) <= 65535 ? Number(wanted) : null;
    const last = !words.some((word) => book.ofAnother.has(word));
    const hits = [];
    book.rows.forEach((row, place) => {
      const exact = score(row, wanted, words, words.join(" "), words.join(""), port);
      const points = last && row.ofAnother && exact >= PART && exact <= BEST_PART ? OF_ANOTHER : exact;
      if (points) hits.push({ row, points, rank: 0, place });
    });
    if (!hits.some((hit) => hit.points >= BEGINS) && !/^\p{Nd}+$/u.test(wanted)) {
      const least = hits.length ? SURE : 1, found = new Set(hits.map((hit) => hit.place)), ratio = likeness(wanted);
      book.rows.forEach((row, place) => {
        if (found.has(place)) return;
        const [points, rank] = nearness(row, ratio);
        if (points >= least) hits.push({ row, points, rank, place });
      });
    }
    return hits.sort((a, b) => b.points - a.points || a.rank - b.rank || a.place - b.place).map((hit) => hit.row);
  };
  return { read, find };
})();
