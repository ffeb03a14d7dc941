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

  // The sentence of a refusal in the language of the page.
  function reason(form, answer) {
    var language = document.documentElement.lang.indexOf("zh") === 0 ? "zh_CN" : "en";
    return (answer && answer.title && answer.title[language]) || form.dataset.unsaved;
  }

  // What is on its way is older than what comes now, or not wanted any more: it must not arrive last.
  function callOff(draft) {
    clearTimeout(draft.timer);
    if (draft.sending) draft.sending.abort();
    draft.sending = null;
  }

  function post(name, draft, sending, leaving) {
    var body = JSON.stringify({ values: values(draft.form), whose: draft.form.dataset.draftOf });
    return fetch("/drafts/" + encodeURIComponent(name), {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: body,
      credentials: "same-origin",
      keepalive: leaving && body.length < 60000,
      signal: sending.signal,
    });
  }

  function send(name, leaving) {
    var draft = forms[name];
    if (!draft || !(draft.since || draft.unsaved)) return;
    callOff(draft);
    var sending = (draft.sending = new AbortController());
    draft.since = 0;
    draft.unsaved = true;
    post(name, draft, sending, leaving)
      .then(function (answer) {
        if (answer.status >= 500 || answer.status === 429) throw new Error(String(answer.status));
        var none = function () { return {}; };
        return answer.json().catch(none).then(function (told) {
          if (draft.sending !== sending) return;
          draft.sending = null;
          draft.unsaved = !answer.ok; // tried again with the next key, or when the page is left
          say(draft.form, answer.ok ? told.said : reason(draft.form, told));
        });
      })
      .catch(function () {
        if (draft.sending !== sending) return;
        draft.sending = null;
        say(draft.form, draft.form.dataset.unsaved);
        if (leaving) return;
        draft.since = draft.since || Date.now();
        clearTimeout(draft.timer);
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
    if (forms[name]) callOff(forms[name]);
    delete forms[name];
  };
})();
