// Runs in the head before anything is drawn: theme, sizes, icons, times, and small page habits.
(function () {
  "use strict";
  var root = document.documentElement;
  var self = document.currentScript;
  var year = 31536000;

  function cookie(name) {
    var found = document.cookie.match(new RegExp("(?:^|; )xl_" + name + "=([^;]*)"));
    return found ? decodeURIComponent(found[1]) : "";
  }
  function remember(name, value) {
    var secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = "xl_" + name + "=" + encodeURIComponent(value) + "; Path=/; Max-Age=" + year + "; SameSite=Lax" + secure;
  }

  var system = window.matchMedia("(prefers-color-scheme: dark)");
  var size = Number(self.dataset.size) || 0;
  function paint() {
    var chosen = cookie("theme");
    var dark = chosen === "dark" || (chosen !== "light" && system.matches);
    root.dataset.theme = dark ? "dark" : "light";
    if (window.Quasar) window.Quasar.Dark.set(dark); // what Quasar draws follows
    root.classList.toggle("elder", size > 0 && root.classList.contains("patient"));
    [1, 2, 3].forEach(function (each) {
      root.classList.toggle("size-" + each, size === each);
    });
  }
  root.classList.add(self.dataset.scale);
  paint();
  system.addEventListener("change", paint);

  var near = {};
  function far(at, fallback) {
    var language = root.lang || "zh-CN";
    near[language] = near[language] || new Intl.RelativeTimeFormat(language, { numeric: "always" });
    var seconds = (new Date(at).getTime() - Date.now()) / 1000;
    var size = Math.abs(seconds);
    if (isNaN(seconds) || size < 45) return fallback;
    var steps = [["minute", 60, 60], ["hour", 3600, 24], ["day", 86400, 30]]; // as services/i18n.py
    for (var each = 0; each < steps.length; each += 1) {
      var count = Math.round(size / steps[each][1]);
      if (count < steps[each][2]) {
        return near[language].format((seconds < 0 ? -1 : 1) * (count || 1), steps[each][0]);
      }
    }
    return fallback;
  }
  setInterval(function () {
    document.querySelectorAll("time[data-ago]").forEach(function (each) {
      var said = far(each.dateTime, each.textContent);
      if (said !== each.textContent) each.textContent = said;
    });
  }, 30000);

  window.xl = {
    icon: function (name) {
      return self.dataset.icons + "#" + name;
    },
    ago: far,
    size: function () {
      return size;
    },
    resize: function (next) {
      size = next;
      remember("elder", String(next)); // for this browser before sign-in
      paint();
      window.dispatchEvent(new Event("xl-size"));
    },
    cookie: cookie,
    remember: remember,
  };

  // Switches of theme, size and language are plain buttons: data-set="theme:dark".
  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-set]");
    if (!button) return;
    var pair = button.dataset.set.split(":");
    if (pair[0] === "theme" && pair[1] === "turn") pair[1] = root.dataset.theme === "dark" ? "light" : "dark";
    remember(pair[0], pair[1]);
    if (pair[0] === "theme") paint();
    else location.reload(); // words and layout come from the server; drafts keep what was typed
  });

  // A menu or the rail on a phone: opened by its button, closed by Esc, a click outside, or leaving.
  function shut(menu, back) {
    if (!menu.open) return;
    menu.open = false;
    if (back) menu.querySelector("summary").focus();
  }
  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) shut(menu, false);
    });
    var opener = event.target.closest && event.target.closest("[data-opens-rail]");
    if (opener) rail(!document.body.classList.contains("rail-open"), opener);
    else if (!(event.target.closest && event.target.closest(".rail"))) rail(false);
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      shut(menu, true);
    });
    rail(false, null, true);
  });
  function rail(open, opener, back) {
    var button = document.querySelector("[data-opens-rail]");
    if (!button || document.body.classList.contains("rail-open") === open) return;
    document.body.classList.toggle("rail-open", open);
    button.setAttribute("aria-expanded", String(open));
    var first = document.querySelector(".rail a");
    if (open && first) first.focus();
    if (!open && back) button.focus();
  }

  // What somebody typed before a form came back with an error is there again, in this tab only.
  document.addEventListener("submit", function (event) {
    var kept = event.target.dataset && event.target.dataset.remembers;
    var field = kept && event.target.elements[kept];
    if (field) sessionStorage.setItem("xl-" + kept, field.value);
  });
  window.addEventListener("load", function () {
    document.querySelectorAll("form[data-remembers]").forEach(function (form) {
      var kept = form.dataset.remembers;
      var field = form.elements[kept];
      var value = sessionStorage.getItem("xl-" + kept);
      sessionStorage.removeItem("xl-" + kept);
      if (!field || !value || field.value || location.search.indexOf("error=") < 0) return;
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  });

  // A slip is printed alone: what stands around it is not for the paper.
  document.addEventListener("click", function (event) {
    if (!event.target.closest || !event.target.closest("[data-prints]")) return;
    root.classList.add("slips");
    window.print();
  });
  window.addEventListener("afterprint", function () {
    root.classList.remove("slips");
  });

  if ("serviceWorker" in navigator && window.isSecureContext) {
    window.addEventListener("load", function () {
      navigator.serviceWorker.register("/sw.js").catch(function () {
        // Without it nothing works worse while the network is there.
      });
    });
  }
})();
