// What is typed into a form with data-draft is saved within 3 seconds, over plain HTTP: it needs no
// socket, so it also works while the page waits for its connection. Passwords and codes are never
// taken. Nothing is kept in the browser itself: a device in a ward is used by many.
(function () {
  "use strict";
  var PAUSE = 1200; // after the last key
  var MOST = 2800; // after the first unsaved key, however long the typing goes on
  var RETRY = 3000;
  var forms = {};

  function values(form) {
    var found = {};
    form.querySelectorAll("[data-keep]").forEach(function (each) {
      if (each.type === "password" || each.autocomplete === "one-time-code") return;
      found[each.dataset.keep] = each.type === "checkbox" ? (each.checked ? "yes" : "") : each.value;
    });
    return found;
  }

  function say(form, words) {
    var note = form.querySelector(".kept");
    if (note && words) note.textContent = words;
  }

  function send(name, leaving) {
    var draft = forms[name];
    if (!draft || !draft.since) return;
    clearTimeout(draft.timer);
    draft.since = 0;
    var body = JSON.stringify({ values: values(draft.form), whose: draft.form.dataset.draftOf });
    fetch("/drafts/" + encodeURIComponent(name), {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: body,
      credentials: "same-origin",
      keepalive: leaving && body.length < 60000,
    })
      .then(function (answer) {
        if (answer.ok) return answer.json();
        if (answer.status >= 500 || answer.status === 429) throw new Error(String(answer.status));
        return {};
      })
      .then(function (answer) {
        if (forms[name] === draft) say(draft.form, answer.said);
      })
      .catch(function () {
        if (forms[name] !== draft || leaving) return;
        draft.since = draft.since || Date.now();
        draft.timer = setTimeout(send, RETRY, name, false);
      });
  }

  function changed(event) {
    if (!event.target.dataset || !event.target.dataset.keep) return;
    var form = event.target.closest("[data-draft]");
    if (!form) return;
    var name = form.dataset.draft;
    var draft = (forms[name] = forms[name] || { since: 0 });
    draft.form = form;
    draft.since = draft.since || Date.now();
    clearTimeout(draft.timer);
    var left = Math.max(0, Math.min(PAUSE, draft.since + MOST - Date.now()));
    draft.timer = setTimeout(send, left, name, false);
  }

  document.addEventListener("input", changed);
  document.addEventListener("change", changed);
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "hidden") Object.keys(forms).forEach(function (name) { send(name, true); });
  });
  window.addEventListener("pagehide", function () {
    Object.keys(forms).forEach(function (name) { send(name, true); });
  });

  window.xl.forget = function (name) {
    if (forms[name]) clearTimeout(forms[name].timer);
    delete forms[name];
  };
})();
