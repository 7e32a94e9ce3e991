/* What all senders of files share. Needs app.js and forms.js (window.vazao) before it, and on the
   page the texts of templates/sending.html.

   form[data-upload]       sent with its progress in its <progress data-upload-bar>; then goes where
                           the server redirects to, or shows why not in [data-upload-error]. While
                           it waits, [data-upload-when="lost"] or ="signed-out" shows
   vazao.send(address, body, {headers, moved, signal})
                           a POST whose progress, in bytes, is told to `moved`; gives its answer
   vazao.untilTaken(ask, became, {file, goesOn})
                           asks until an answer comes, through two states: "lost" (it goes on by
                           itself once the server answers) and "signed-out" (once the same person
                           has signed in, in another tab). Nothing comes once goesOn() is false
   vazao.readable(file)    whether the file is still there as it was chosen
   vazao.gone()            the error for one that is not. It is `final`: only another choice helps */
"use strict";
(() => {
  const { renew, token } = window.vazao;
  const AGAIN_MS = 3000;
  const BROKEN_MOST = 3;
  const texts = () => document.getElementById("sending-texts")?.dataset ?? {};
  /* Stands for who has signed in, in what the browser remembers. */
  const reader = () => texts().reader ?? "";
  const wait = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

  /* A browser refuses to read a file that was changed or moved after it was chosen, and a folder.
     Requests with one fail as if there were no connection. */
  const readable = (file) => (file.size ? file.slice(0, 1) : file).arrayBuffer().then(() => true, () => false);
  const gone = () => Object.assign(new Error(texts().gone), { final: true });

  /* The API answers errors in one shape, the two old routes with a text. */
  const said = (text) => {
    try {
      const body = JSON.parse(text);
      return [body.error?.message, body.error, body.message].find((each) => each && typeof each === "string");
    } catch { return null; }
  };
  /* A proxy on the way answers with a page of its own, or with nothing. */
  const complaint = (text, status) => said(text) ?? {
    413: texts().large, 429: texts().many,
  }[status] ?? (status >= 500 ? texts().down : texts().other).replace("%", status);

  /* Whether the same person is signed in again; a page of others is left. */
  const renewed = async () => {
    const state = await renew();
    if (state === "other") {
      // Nobody is asked whether to leave: what was sent so far is remembered for who sent it.
      window.vazao.left = true;
      location.replace(location.pathname + location.search);
    }
    return state === "same";
  };

  const signedIn = async (goesOn) => {
    while (goesOn()) {
      const answer = await fetch("/v1/me").catch(() => null);
      if (answer?.ok && await renewed()) return;
      await wait(AGAIN_MS);
    }
  };

  const away = (status) => status === 0 || (status >= 500 && status !== 507);
  const strange = (status) => status === 401 || status === 403;

  const untilTaken = async (ask, became, { file, goesOn = () => true } = {}) => {
    const look = async () => { if (file && !await readable(file)) throw gone(); };
    await look();
    for (let again = false, broken = 0; goesOn();) {
      const answer = await ask().catch(() => null);
      const status = answer?.status ?? 0;
      const text = answer && !answer.ok ? await answer.text() : "";
      if (!goesOn()) return null;
      if (away(status)) {
        await look();
        // Who refuses a body may end the connection; sending it over and over helps nobody.
        if (file && status === 0 && await fetch("/v1/me").catch(() => null)) broken += 1;
        if (broken === BROKEN_MOST) throw new Error(texts().broken);
        became("lost");
        await wait(AGAIN_MS);
      } else if (strange(status) && !again) {
        became("signed-out");
        await signedIn(goesOn);
        again = true;
      } else if (!answer.ok) throw new Error(complaint(text, status));
      else return answer;
      if (goesOn()) became("sending");
    }
    return null;
  };

  const send = (address, body, { headers = {}, moved = () => {}, signal } = {}) => new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    const all = { Accept: "application/json", "X-CSRF-Token": token(), ...headers };
    for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => moved(event.loaded, event.total);
    request.onerror = request.onabort = () => fail(new Error(""));
    request.onload = () => done({
      ok: request.status < 400, status: request.status, url: request.responseURL,
      text: async () => request.responseText,
    });
    signal?.addEventListener("abort", () => request.abort());
    request.send(body);
  });

  const clear = (form) => {
    form.reset();
    for (const input of form.querySelectorAll("input[type=file]")) {
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  };

  /* Say in a form why its file was not taken; what cannot be sent again leaves its field. */
  const refuse = (form, error) => {
    const told = form.querySelector("[data-upload-error]");
    told.textContent = error.message;
    told.hidden = false;
    if (error.final) clear(form);
  };

  const upload = (form) => {
    const input = form.querySelector("input[type=file]");
    const bar = form.querySelector("[data-upload-bar]");
    const busy = (yes) => {
      for (const each of form.querySelectorAll("button, input")) each.disabled = yes;
      bar.hidden = !yes;
    };
    const became = (state) => {
      for (const each of form.querySelectorAll("[data-upload-when]")) each.hidden = each.dataset.uploadWhen !== state;
    };
    const moved = (sent, total) => { if (total) bar.value = sent / total; };
    form.addEventListener("submit", async (event) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      form.querySelector("[data-upload-error]").hidden = true;
      const body = new FormData(form);
      const [file] = input.files;
      busy(true);
      try {
        const answer = await untilTaken(() => send(form.action, body, { moved }), became, { file });
        location.assign(answer.url);
      } catch (error) {
        busy(false);
        became("failed");
        refuse(form, error);
      }
    });
    // The way back may show this very page again, as it was when its file had gone.
    addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      busy(false);
      became("shown");
      clear(form);
    });
  };

  Object.assign(window.vazao, {
    away, complaint, gone, readable, reader, refuse, renewed, send, signedIn, strange, texts, untilTaken, wait, AGAIN_MS,
  });
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("form[data-upload]").forEach(upload));
})();
