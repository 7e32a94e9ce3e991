/* Signing in, and waiting for it when too many do. Without this script the form says when to try.

   form[data-signin]        is sent by this script; what was typed stays in its fields
     [name=ticket]          the ticket of the last refusal
     [data-waiting]         shown while the reader waits: [data-place], [data-left], a <progress>
     [data-stop]            waits no more
   data-place-text, data-left-text, data-lost, data-busy  texts, with {n} for the number */
"use strict";
(() => {
  const form = document.querySelector("form[data-signin]");
  if (!form) return;
  const fields = [...form.querySelectorAll("input:not([type=hidden]), button[type=submit]")];
  const waiting = form.querySelector("[data-waiting]");
  const bar = waiting.querySelector("progress");
  const messages = document.getElementById("messages");
  const LOST_SECONDS = 5;
  const SLOW_MS = 700;
  let stopped = null;

  const show = (text, kind = "bad") => {
    messages.replaceChildren();
    if (!text) return;
    const line = document.createElement("p");
    line.className = `message ${kind}`;
    line.setAttribute("role", kind === "bad" ? "alert" : "status");
    line.textContent = text;
    messages.append(line);
  };
  const hold = (held) => {
    for (const field of fields) {
      if (field.tagName === "BUTTON") field.disabled = held;
      else field.readOnly = held;
    }
    form.setAttribute("aria-busy", String(held));
  };
  const say = (selector, text, number) => {
    waiting.querySelector(selector).textContent = text.replace("{n}", number);
  };

  /* Until it is time to come back; false where the reader does not want to wait. */
  const pass = (seconds, expected) => new Promise((done) => {
    const began = Date.now();
    const whole = Math.max(seconds, expected);
    bar.max = whole;
    const tick = () => {
      const gone = (Date.now() - began) / 1000;
      bar.value = Math.min(whole, gone);
      say("[data-left]", form.dataset.leftText, Math.max(1, Math.ceil(whole - gone)));
      if (gone >= seconds) finish(true);
    };
    const timer = setInterval(tick, 250);
    const finish = (goes) => { clearInterval(timer); stopped = null; done(goes); };
    stopped = () => finish(false);
    tick();
  });

  const send = async () => {
    const body = new URLSearchParams(new FormData(form));
    return fetch(form.action, {
      method: "POST", body, redirect: "manual", headers: { Accept: "application/json" },
    });
  };

  const wait = async (error) => {
    form.ticket.value = error.ticket ?? form.ticket.value;
    waiting.hidden = false;
    say("[data-place]", form.dataset.placeText, new Intl.NumberFormat(document.documentElement.lang).format(error.place));
    return pass(error.retry_after, error.expected_seconds);
  };

  const refused = (error, looked) => {
    form.ticket.value = "";
    show(error.message);
    if (looked) form.password.value = "";
    form.password.focus();
  };

  const signIn = async (slow) => {
    show("");
    for (;;) {
      let answer;
      try {
        answer = await send();
      } catch {
        clearTimeout(slow);
        show(form.dataset.lost, "warn");
        waiting.hidden = false;
        if (await pass(LOST_SECONDS, LOST_SECONDS)) { show(""); continue; }
        return;
      }
      if (answer.type === "opaqueredirect") {
        window.location.assign(form.next.value || "/");
        return new Promise(() => {});
      }
      const error = (await answer.json().catch(() => null))?.error;
      if (!error) { show(`${answer.status}`); return; }
      clearTimeout(slow);
      if (answer.status === 503 && error.ticket) {
        show("");
        if (await wait(error)) continue;
        return;
      }
      refused(error, answer.status !== 429);
      return;
    }
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    hold(true);
    const slow = setTimeout(() => show(form.dataset.busy, "info"), SLOW_MS);
    try { await signIn(slow); } finally { clearTimeout(slow); hold(false); waiting.hidden = true; }
  });
  form.querySelector("[data-stop]").addEventListener("click", () => stopped?.());
})();
