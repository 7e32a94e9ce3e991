/* Forms of pages, sent by the browser itself: each once, and none into a session that has ended. Needs
   app.js (window.vazao) before it.

   window.vazao.renew()   gives the page's forms the secret of who has signed in now; it comes to
                          "same", "other" (somebody else has), "out" (nobody has) or "away"
   <body data-sending>    what a button says while its form is on its way
   #form-kept             shown where a form was not sent, since the session has ended
   #form-other            shown where it was not, since somebody else has signed in. Either goes once
                          the page's reader is signed in again

   A form with fields to fill in asks first who is signed in: a page of errors would lose them. */
"use strict";
(() => {
  const ASKING_MS = 10_000;
  const busy = [];
  const known = new WeakSet();

  const NOTICES = { out: "form-kept", other: "form-other" };
  const notices = () => Object.values(NOTICES).map((id) => document.getElementById(id)).filter(Boolean);
  const show = (told) => { for (const each of notices()) each.hidden = each !== told; };

  const who = (page) => page.querySelector(".who a");
  const named = (page) => [who(page).title, who(page).textContent].join("\n");

  const renew = async () => {
    // As a piece of a page: what the next whole page says is left to it.
    const headers = { Accept: "text/html", "HX-Request": "true" };
    const answer = await fetch("/account", { headers, signal: AbortSignal.timeout(ASKING_MS) }).catch(() => null);
    if (!answer?.ok) return "away";
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!who(page)) return "out";
    if (named(page) !== named(document)) return "other";
    const secret = page.querySelector('meta[name="csrf"]').content;
    document.querySelector('meta[name="csrf"]').content = secret;
    for (const field of document.querySelectorAll('input[name="csrf"]')) field.value = secret;
    show(null);
    return "same";
  };

  const hold = (form, button) => {
    form.dataset.sent = "1";
    for (const each of form.elements) {
      if (each.type !== "submit" || each.disabled) continue;
      busy.push([each, each.textContent]);
      // Without this a browser may disable it on the same page after a reload, too.
      each.setAttribute("autocomplete", "off");
      each.disabled = true;
    }
    if (button) button.textContent = document.body.dataset.sending;
  };
  const release = () => {
    for (const [button, label] of busy.splice(0)) {
      button.disabled = false;
      button.textContent = label;
    }
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  };

  const tell = (state) => {
    const told = document.getElementById(NOTICES[state]);
    show(told);
    if (!told) return;
    told.setAttribute("role", "alert");
    told.focus();
    told.scrollIntoView({ block: "nearest" });
  };

  const ask = async (form, button) => {
    hold(form, button);
    const state = await renew();
    release();
    if (!form.isConnected) return;
    if (state === "out" || state === "other") { tell(state); return; }
    known.add(form);
    form.requestSubmit(button);
  };

  // Only where somebody is signed in, and has something to lose.
  const asks = (form) => document.getElementById("form-kept") && who(document)
    && [...form.elements].some((each) => !["hidden", "submit", "button", "fieldset", "output"].includes(each.type));

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (!known.delete(form) && asks(form)) {
      event.preventDefault();
      ask(form, event.submitter);
      return;
    }
    form.dataset.sent = "1";
    // A button that is disabled at once is not sent with its form.
    setTimeout(() => hold(form, event.submitter));
  });
  addEventListener("pageshow", release);
  document.addEventListener("visibilitychange", async () => {
    if (document.hidden) return;
    const shown = notices().find((each) => !each.hidden);
    if (!shown) return;
    const state = await renew();
    // Another may have signed in, or out again, meanwhile.
    if (NOTICES[state] && NOTICES[state] !== shown.id) tell(state);
  });

  window.vazao.renew = renew;
})();
