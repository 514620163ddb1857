// Keeps the pay page's status line current and pays with the test wallet in place. The page works without it.
"use strict";
(() => {
  const status = document.querySelector("[data-test=status]");
  if (!status) return;
  const form = document.querySelector("form[data-test-wallet]");
  const receipt = document.querySelector("[data-receipt]");

  // Every second at first, when most payments end; slower after a minute; not at all after half an hour.
  const FAST_MS = 1000, SLOW_MS = 5000, FAST_FOR_MS = 60000, GIVE_UP_MS = 1800000;

  const isLocal = (path) => typeof path === "string" && path.startsWith("/") && !path.startsWith("//");

  const show = (answer) => {
    if (typeof answer.status === "string") status.dataset.status = answer.status;
    // Written only when it changes: a live region is read aloud at every write.
    if (typeof answer.text === "string" && status.textContent !== answer.text) status.textContent = answer.text;
    if (!answer.done) return;
    if (form) {
      form.hidden = answer.status === "completed";
      form.querySelector("button").disabled = false;
    }
    if (!receipt) return;
    let any = false;
    for (const part of receipt.querySelectorAll("[data-part]")) {
      const value = answer[part.dataset.part];
      if (typeof value !== "string" || value === "") continue;
      if (part.dataset.part === "receipt") {
        if (!isLocal(value)) continue;
        part.href = value;
      } else {
        part.textContent = value;
      }
      part.hidden = false;
      const holder = part.closest("[hidden]:not([data-receipt])");
      if (holder) holder.hidden = false;
      any = true;
    }
    if (any) receipt.hidden = false;
  };

  const wait = (ms) => new Promise((go) => setTimeout(go, ms));

  const whenVisible = () =>
    document.hidden ? new Promise((go) => document.addEventListener("visibilitychange", go, { once: true })) : Promise.resolve();

  let polling = 0;
  const poll = async (path) => {
    if (!isLocal(path)) return;
    const mine = ++polling;
    const started = Date.now();
    while (mine === polling && Date.now() - started < GIVE_UP_MS) {
      await wait(Date.now() - started < FAST_FOR_MS ? FAST_MS : SLOW_MS);
      await whenVisible();
      try {
        const response = await fetch(path, { headers: { Accept: "application/json" }, cache: "no-store" });
        if (!response.ok) continue;
        const answer = await response.json();
        if (mine !== polling) return;
        show(answer);
        if (answer.done) return;
      } catch {
        // The network is away for a moment: the next round asks again.
      }
    }
  };

  const pay = async () => {
    const button = form.querySelector("button");
    button.disabled = true;
    show({ status: "settling", text: "Paying…" });
    let again = true;
    try {
      const body = new URLSearchParams(new FormData(form));
      const response = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body });
      const answer = await response.json();
      if (response.ok) {
        show(answer);
        again = Boolean(answer.done);
        if (!answer.done) poll(answer.status_path || status.dataset.statusPath);
      } else {
        show({ status: "failed", text: answer.detail || answer.title || "The payment was refused." });
      }
    } catch {
      // Sent or not, nobody knows: paying again could pay twice, so the page is the one to ask.
      show({ status: "unknown", text: "No answer came. Reload this page to see what happened." });
      again = false;
    }
    button.disabled = !again;
  };

  if (form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      pay();
    });
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    if (!field || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(field.value);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      } catch {
        field.select();
      }
    });
  }

  if (status.dataset.statusPath) poll(status.dataset.statusPath);
})();
