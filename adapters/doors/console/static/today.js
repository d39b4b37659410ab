"use strict";
/* A page that was left open says how old it is: nobody should read yesterday's numbers as today's. */
(() => {
  const note = document.getElementById("old");
  if (!note) return;
  const opened = performance.now();
  const look = () => {
    /* By this machine's own running time: its clock may be wrong. */
    const minutes = Math.floor((performance.now() - opened) / 60000);
    if (minutes < 5) return;
    note.lastElementChild.textContent = note.dataset.words.replace("{n}", String(minutes));
    note.hidden = false;
  };
  setInterval(look, 30000);
  document.addEventListener("visibilitychange", look);
})();
