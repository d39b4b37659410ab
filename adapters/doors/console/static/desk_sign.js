"use strict";
/* Signing at this desk: speaks to the agent on this very computer, and believes nothing that it says. What became of the
   signature is what the page shows when it is looked at again. Everything else of the page works without this file.

   <section data-desk-sign data-agent="wss://127.0.0.1:8987" data-operation="SignApproved" data-place="/documents/desk/…"
     data-dossier="…" data-next="/console/…" data-connecting="…" data-waiting="…" data-absent="…" data-silent="…"
     data-refused="…" data-done="…"> <button data-desk-start hidden> <p data-desk-told role="status"> </section>
   `data-patience`: milliseconds of silence, where two minutes are not wanted. The page's policy must let it connect there. */
(() => {
  const OPENS = 5000; /* A program on this computer answers at once, or is not there. */
  const SILENT = 120000; /* Somebody looks for the token, reads the document, types a PIN. */
  const LONGEST = 400;

  const textOf = (value) => (typeof value === "string" ? value.slice(0, LONGEST) : "");

  const requestOf = (place, dossier) => {
    const url = new URL(place, location.href).href;
    return JSON.stringify({
      FileUploadHandler: url,
      SessionId: "",
      JWTToken: "",
      FileName: url,
      DocNumber: "",
      IssuedDate: "",
      MetaData: [{ Key: "MaHoSo", Value: dossier }],
    });
  };

  /* One text out, one text in. What it comes to: done, refused (with the agent's words), absent, silent. */
  const ask = (address, text, patience, told) => new Promise((settle) => {
    let line;
    let timer;
    let isOpen = false;
    const end = (state, message) => {
      clearTimeout(timer);
      if (line) {
        line.onopen = line.onmessage = line.onerror = line.onclose = null;
        try { line.close(); } catch { /* it was never open */ }
      }
      settle({ state, message: textOf(message) });
    };
    const wait = (ms, state) => {
      clearTimeout(timer);
      timer = setTimeout(() => end(state, ""), ms);
    };
    try {
      line = new WebSocket(address);
    } catch {
      end("absent", "");
      return;
    }
    wait(OPENS, "absent");
    line.onopen = () => {
      isOpen = true;
      told("waiting");
      wait(patience, "silent");
      line.send(text);
    };
    line.onerror = line.onclose = () => end(isOpen ? "silent" : "absent", "");
    line.onmessage = ({ data }) => {
      let reply = null;
      try { reply = JSON.parse(data); } catch { /* said below */ }
      if (reply && reply.Status === 0) end("done", "");
      else end("refused", reply && reply.Message);
    };
  });

  const dress = (place) => {
    const button = place.querySelector("[data-desk-start]");
    const status = place.querySelector("[data-desk-told]");
    const words = place.dataset;
    if (!button || !status) return;
    const say = (state, more) => {
      place.dataset.state = state;
      status.textContent = (words[state] || "") + (more ? ` ${more}` : "");
    };
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      say("connecting", "");
      const address = `${words.agent}/${encodeURIComponent(words.operation)}`;
      const came = await ask(address, requestOf(words.place, words.dossier), Number(words.patience) || SILENT, (state) => say(state, ""));
      say(came.state, came.message);
      if (came.state === "done") {
        if (words.next) location.assign(words.next);
        return;
      }
      button.disabled = false;
      button.focus();
    });
  };

  document.querySelectorAll("[data-desk-sign]").forEach(dress);
})();
