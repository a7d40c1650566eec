// The reader's own choice of light or dark, before anything is drawn. Without one the system's holds.
"use strict";
try {
  const chosen = localStorage.getItem("portbook-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* a browser that keeps nothing */ }
