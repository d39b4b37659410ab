"use strict";
/* The live log. It listens while somebody looks: not in a hidden tab, and not while it is paused. */
(() => {
  const place = document.querySelector("[data-live]");
  if (!place || !window.EventSource) return;
  const body = place.querySelector("tbody");
  const told = document.getElementById("live-told");
  const count = document.getElementById("live-count");
  const button = document.getElementById("live-pause");
  const words = place.dataset;
  const most = Number(words.most);
  const whole = new Intl.NumberFormat(document.documentElement.lang);
  let after = new URL(words.live, location.href).searchParams.get("after");
  let source = null;
  let paused = false;
  let over = false;
  let came = 0;
  let more = 0;
  let isMore = false;
  let said = 0;

  const status = (text) => { if (told.textContent !== text) told.textContent = text; };
  const tell = () => {
    if (!came && !more && !isMore) return status(words.listening);
    const rest = more || isMore ? " · " + words.more.replace("{n}", whole.format(more) + (isMore ? "+" : "")) : "";
    const text = words.came.replace("{n}", whole.format(came)) + rest;
    status(text);
    /* Heard at most every ten seconds: a reader's voice must not be drowned. */
    if (Date.now() - said > 10000) {
      said = Date.now();
      count.textContent = text;
    }
  };

  const rows = (event) => {
    after = event.lastEventId;
    const end = event.data.indexOf("\n");
    const [shown, unshown, beyond] = event.data.slice(0, end).split(" ").map(Number);
    came += shown;
    more += unshown;
    isMore = isMore || beyond === 1;
    const box = document.createElement("template");
    box.innerHTML = "<table><tbody>" + event.data.slice(end + 1) + "</tbody></table>";
    const fresh = [...box.content.querySelectorAll("tr")];
    /* Where the keyboard stands, nothing is taken away; a box that was ticked stays ticked. */
    const held = document.activeElement && document.activeElement.closest("tr");
    for (const row of fresh) {
      const old = body.querySelector(`tr[data-id="${row.dataset.id}"]`);
      if (!old) continue;
      const tick = old.querySelector("input:checked");
      if (tick) row.querySelector("input").checked = true;
      if (old === held) {
        renew(old, row);
      } else {
        old.remove();
      }
    }
    body.prepend(...fresh.filter((row) => !(held && row.dataset.id === held.dataset.id)));
    for (let n = body.rows.length - 1; n >= 0 && body.rows.length > most; n -= 1) {
      const row = body.rows[n];
      if (row !== held && !row.querySelector("input:checked")) row.remove();
    }
    tell();
  };

  /* The row in which the keyboard stands says what is so, too, and stays where it is. */
  const renew = (old, row) => {
    const at = document.activeElement;
    old.className = row.className;
    [...row.cells].forEach((cell, n) => {
      const there = old.cells[n];
      if (!there.contains(at)) there.replaceChildren(...cell.cloneNode(true).childNodes);
      else if (at.matches("a") && cell.querySelector("a")) at.replaceChildren(...cell.querySelector("a").cloneNode(true).childNodes);
    });
  };

  /* What moved out of the filter is not taken away under somebody's hand, but it is not shown as if it were still so. */
  const gone = (event) => {
    if (event.lastEventId) after = event.lastEventId;
    const left = new Set(event.data.split(" "));
    for (const row of body.rows) {
      if (!left.has(row.dataset.id)) continue;
      row.classList.add("gone");
      row.querySelector(".why").textContent = words.gone;
      const box = row.querySelector("input");
      if (box && box.checked) {
        box.checked = false;
        box.dispatchEvent(new Event("change", { bubbles: true }));
      }
    }
  };

  const close = () => {
    if (source) source.close();
    source = null;
  };
  const end = (text) => {
    over = true;
    close();
    status(text);
    button.hidden = true;
  };
  const open = () => {
    if (source || over || paused || document.hidden) return;
    const address = new URL(words.live, location.href);
    address.searchParams.set("after", after);
    source = new EventSource(address);
    source.addEventListener("hello", (event) => {
      after = event.lastEventId;
      tell();
    });
    source.addEventListener("rows", rows);
    source.addEventListener("gone", gone);
    source.addEventListener("away", () => status(words.away));
    source.addEventListener("ended", () => end(words.ended));
    source.addEventListener("error", () => {
      if (source && source.readyState === EventSource.CLOSED) end(words.closed);
      else status(words.broken);
    });
  };
  const look = () => {
    if (over) return;
    if (paused || document.hidden) {
      close();
      status(paused ? words.paused : words.hidden);
    } else {
      open();
    }
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? button.dataset.go : button.dataset.stop;
    look();
  });
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", look);
  look();
})();
