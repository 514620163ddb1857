// Takes the one-time code out of the setup link's fragment. A fragment never reaches a server or its logs;
// it is cleared from the address bar as well, so that it is not kept in the history.
"use strict";
(() => {
  const field = document.getElementById("code");
  const hash = window.location.hash.slice(1);
  if (!field || !hash) return;
  const code = new URLSearchParams(hash).get("code") || hash;
  if (!field.value) field.value = code;
  window.history.replaceState(null, "", window.location.pathname + window.location.search);
  const name = document.getElementById("name");
  if (name) name.focus();
})();
